"""Initialisers: what their normal form predicts against torch's, Keras' and our own samplers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import torch

from actinit_lint.reference.fans import (
    keras_fans,
    torch_fans,
)
from actinit_lint.reference.initializers import (
    CUT,
    TRUNCATED_STD,
    Layout,
    scaling_std,
    support,
    weight_moments,
)
from actinit_lint.reference.keras_initializers import KERAS_INITIALIZERS
from actinit_lint.reference.normal_form import OPAQUE, TORCH_DEFAULT, UNINITIALISED, Initializer
from actinit_lint.reference.sampling import Source, python_source, sample, torch_source
from actinit_lint.reference.torch_initializers import DEPRECATED_ALIASES, TORCH_INITIALIZERS

torch.set_num_threads(1)  # the tensors are small: threads cost more than they bring

ROWS, COLUMNS = 300, 200
#: KS·√N that chance exceeds once in a thousand.
KOLMOGOROV = 1.95
#: E(w - m)⁴/σ⁴, which fixes how far a sample's variance strays.
KURTOSIS = {"uniform": 1.8, "normal": 3.0, "truncated_normal": 2.365}
TRUNCATED_KURTOSIS = 3.0  # at most, whatever the cuts

#: (torch.nn.init function, its arguments): random ones whose elements are independent.
TORCH_DRAWS: list[tuple[str, dict[str, Any]]] = [
    ("uniform_", {}),
    ("uniform_", {"a": -0.1, "b": 0.3}),
    ("normal_", {}),
    ("normal_", {"mean": 0.5, "std": 0.02}),
    ("trunc_normal_", {}),
    ("trunc_normal_", {"std": 0.02}),
    ("trunc_normal_", {"std": 1.5}),
    ("trunc_normal_", {"std": 0.02, "a": -0.04, "b": 0.04}),
    ("trunc_normal_", {"mean": 1.0, "std": 2.0, "a": 0.5, "b": 4.0}),
    ("xavier_uniform_", {}),
    ("xavier_uniform_", {"gain": 5 / 3}),
    ("xavier_normal_", {}),
    ("kaiming_uniform_", {}),
    ("kaiming_uniform_", {"a": 5**0.5}),
    ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "linear"}),
    ("kaiming_normal_", {}),
    ("kaiming_normal_", {"a": 0.2}),
    ("kaiming_normal_", {"a": 0.2, "nonlinearity": "relu"}),
    ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "tanh"}),
    ("kaiming_normal_", {"nonlinearity": "selu"}),
]
#: (keras.initializers class, its arguments).
KERAS_DRAWS: list[tuple[str, dict[str, Any]]] = [
    ("RandomNormal", {}),
    ("RandomNormal", {"mean": -0.2, "stddev": 0.5}),
    ("TruncatedNormal", {}),
    ("TruncatedNormal", {"mean": 1.0, "stddev": 0.3}),
    ("RandomUniform", {}),
    ("RandomUniform", {"minval": 0.0, "maxval": 2.0}),
    ("VarianceScaling", {}),
    ("VarianceScaling", {"scale": 2.0, "mode": "fan_out", "distribution": "uniform"}),
    ("VarianceScaling", {"scale": 0.3, "mode": "fan_avg", "distribution": "untruncated_normal"}),
    ("VarianceScaling", {"distribution": "normal"}),
    *((name, {}) for name in ("GlorotUniform", "GlorotNormal", "LecunUniform", "LecunNormal", "HeUniform", "HeNormal")),
]


def below(x: torch.Tensor) -> torch.Tensor:
    return torch.special.ndtr(x)


def distribution(init: Initializer, fans: tuple[float, float]) -> Callable[[torch.Tensor], torch.Tensor]:
    """The cumulative distribution function of one element."""
    if init.family == "uniform" or init.distribution == "uniform":
        bounds = support(init, *fans)
        assert bounds is not None
        low, high = bounds
        return lambda w: ((w - low) / (high - low)).clamp(0, 1)
    mean = init.mean if init.mean is not None else 0.0
    std = init.std if init.std is not None else scaling_std(init, *fans)
    assert std is not None
    if init.distribution == "normal":
        return lambda w: below((w - mean) / std)
    if init.family == "variance_scaling":
        wide = std / TRUNCATED_STD
        cuts, std = (-CUT * wide, CUT * wide), wide
    else:
        assert init.low is not None
        assert init.high is not None
        cuts = (init.low, init.high)
    left, right = (below(torch.tensor((cut - mean) / std, dtype=torch.float64)) for cut in cuts)
    return lambda w: ((below((w - mean) / std) - left) / (right - left)).clamp(0, 1)


def kolmogorov(values: torch.Tensor, cdf: Callable[[torch.Tensor], torch.Tensor]) -> float:
    """√N·sup|F_N - F|."""
    ordered = values.double().flatten().sort().values
    count = len(ordered)
    steps = torch.arange(count + 1, dtype=torch.float64) / count
    known = cdf(ordered)
    return float(torch.maximum(steps[1:] - known, known - steps[:-1]).max()) * math.sqrt(count)


def assert_drawn_from(values: torch.Tensor, init: Initializer, layout: Layout) -> None:
    """Mean, variance and distribution of a weight are those of the normal form."""
    shape = tuple(values.shape)
    fans = torch_fans(shape) if layout == "torch" else keras_fans(shape)
    predicted = weight_moments(init, *fans, shape, layout)
    assert predicted is not None
    values = values.double()
    kind = init.distribution
    assert kind is not None
    kurtosis = TRUNCATED_KURTOSIS if init.family == "normal" and kind == "truncated_normal" else KURTOSIS[kind]
    count = values.numel()
    assert float(values.mean()) == pytest.approx(predicted.mean, abs=5 * math.sqrt(predicted.variance / count))
    assert float(values.var()) == pytest.approx(predicted.variance, rel=5 * math.sqrt((kurtosis - 1) / count))
    assert kolmogorov(values, distribution(init, fans)) <= KOLMOGOROV


def label(draw: tuple[str, dict[str, Any]]) -> str:
    return f"{draw[0]}({', '.join(f'{k}={v}' for k, v in draw[1].items())})"


@pytest.fixture(scope="module")
def keras() -> Iterator[ModuleType]:
    import keras

    yield keras


class TestTorch:
    @pytest.mark.parametrize("draw", TORCH_DRAWS, ids=label)
    def test_torch_draws_what_the_normal_form_says(self, draw: tuple[str, dict[str, Any]]) -> None:
        name, arguments = draw
        torch.manual_seed(3)
        values = getattr(torch.nn.init, name)(torch.empty(ROWS, COLUMNS), **arguments)
        assert_drawn_from(values, TORCH_INITIALIZERS[name](**arguments), "torch")

    @pytest.mark.parametrize("name", ["xavier_uniform_", "kaiming_normal_", "trunc_normal_"])
    def test_convolution_kernels_count_their_receptive_field(self, name: str) -> None:
        torch.manual_seed(4)
        values = getattr(torch.nn.init, name)(torch.empty(64, 32, 5, 6))
        assert_drawn_from(values, TORCH_INITIALIZERS[name](), "torch")

    def test_every_initialiser_of_torch_has_a_normal_form(self) -> None:
        public = {name for name in torch.nn.init.__all__ if name != "calculate_gain"}
        assert public == set(TORCH_INITIALIZERS) | set(DEPRECATED_ALIASES)
        assert set(DEPRECATED_ALIASES.values()) < set(TORCH_INITIALIZERS)

    @pytest.mark.parametrize("shape", [(30, 50), (50, 30), (16, 8, 3, 3)], ids=str)
    def test_orthogonal_weights_are_orthogonal_and_have_exactly_the_variance(self, shape: tuple[int, ...]) -> None:
        init = TORCH_INITIALIZERS["orthogonal_"](1.5)
        predicted = weight_moments(init, shape=shape)
        torch.manual_seed(0)
        drawn = [torch.nn.init.orthogonal_(torch.empty(shape), 1.5), sample(init, shape, torch_source(1))]
        drawn.append(torch.tensor(sample(init, shape, python_source(1))).reshape(shape))
        for values in drawn:
            matrix = values.double().reshape(shape[0], -1)
            small = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
            assert float((small @ small.T - 2.25 * torch.eye(len(small))).abs().max()) <= 1e-5
            assert predicted is not None
            assert float((matrix**2).mean()) == pytest.approx(predicted.variance, rel=1e-6)

    @pytest.mark.parametrize("sparsity", [0.1, 0.9, 0.905])
    def test_sparse_columns_have_exactly_their_zeros(self, sparsity: float) -> None:
        init = TORCH_INITIALIZERS["sparse_"](sparsity, std=0.5)
        predicted = weight_moments(init, shape=(100, 400))
        torch.manual_seed(0)
        drawn = [torch.nn.init.sparse_(torch.empty(100, 400), sparsity, 0.5), sample(init, (100, 400), torch_source(2))]
        drawn.append(torch.tensor(sample(init, (100, 400), python_source(2))).reshape(100, 400))
        for values in drawn:
            assert ((values == 0).sum(0) == math.ceil(sparsity * 100)).all()
            assert predicted is not None
            assert float(values.double().var()) == pytest.approx(predicted.variance, rel=0.1)

    def test_sparse_is_a_normal_thinned_out(self) -> None:
        predicted = weight_moments(TORCH_INITIALIZERS["sparse_"](0.9), shape=(300, 500))
        assert predicted == pytest.approx((0, 1e-5))

    @pytest.mark.parametrize(
        ("shape", "groups"), [((5, 3), None), ((3, 5), None), ((16, 3, 5), 1), ((24, 8, 3, 4), 3), ((4, 4, 1, 2, 3), 2)]
    )
    def test_identities_are_torchs_to_the_element(self, shape: tuple[int, ...], groups: int | None) -> None:
        if groups is None:
            theirs, init = torch.nn.init.eye_(torch.empty(shape)), TORCH_INITIALIZERS["eye_"]()
        else:
            theirs = torch.nn.init.dirac_(torch.empty(shape), groups)
            init = TORCH_INITIALIZERS["dirac_"](groups)
        assert torch.equal(sample(init, shape, torch_source(0)).float(), theirs)
        assert sample(init, shape, python_source(0)) == theirs.flatten().tolist()
        predicted = weight_moments(init, shape=shape)
        assert predicted == pytest.approx((float(theirs.mean()), float(theirs.var(correction=0))))

    def test_constants(self) -> None:
        assert weight_moments(TORCH_INITIALIZERS["constant_"](0.3), 4, 4) == (0.3, 0.0)
        assert TORCH_INITIALIZERS["zeros_"]().is_zero
        assert TORCH_INITIALIZERS["ones_"]().constant_value == 1.0
        assert sample(TORCH_INITIALIZERS["constant_"](0.3), (2, 2), python_source(0)) == [0.3] * 4


class TestKeras:
    @pytest.mark.parametrize("draw", KERAS_DRAWS, ids=label)
    def test_keras_draws_what_the_normal_form_says(self, keras: ModuleType, draw: tuple[str, dict[str, Any]]) -> None:
        name, arguments = draw
        values = getattr(keras.initializers, name)(**arguments, seed=11)((ROWS, COLUMNS))
        assert_drawn_from(values.detach(), KERAS_INITIALIZERS[name](**arguments), "keras")

    def test_convolution_kernels_have_their_fans_at_the_end(self, keras: ModuleType) -> None:
        values = keras.initializers.HeUniform(seed=5)((5, 6, 32, 64))
        assert_drawn_from(values.detach(), KERAS_INITIALIZERS["he_uniform"](), "keras")

    def test_every_name_that_keras_resolves_has_a_normal_form(self, keras: ModuleType) -> None:
        known = keras.src.initializers.ALL_OBJECTS_DICT
        assert set(known) - {"Initializer", "initializer"} == set(KERAS_INITIALIZERS)
        for name in KERAS_INITIALIZERS:
            for other, cls in known.items():
                if cls is known[name] and other not in ("Initializer", "initializer"):
                    assert KERAS_INITIALIZERS[name]() == KERAS_INITIALIZERS[other]()

    @pytest.mark.parametrize("shape", [(30, 50), (3, 3, 8, 16)], ids=str)
    def test_orthogonal_kernels_keep_the_last_axis(self, keras: ModuleType, shape: tuple[int, ...]) -> None:
        init = KERAS_INITIALIZERS["Orthogonal"](2.0)
        predicted = weight_moments(init, shape=shape, layout="keras")
        assert predicted is not None
        drawn = [keras.initializers.Orthogonal(2.0, seed=1)(shape).detach()]
        drawn.append(sample(init, shape, torch_source(1), "keras"))
        for values in drawn:
            matrix = values.double().reshape(-1, shape[-1])
            small = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
            assert float((small @ small.T - 4 * torch.eye(len(small))).abs().max()) <= 1e-5
            assert float((matrix**2).mean()) == pytest.approx(predicted.variance, rel=1e-5)

    def test_identity_and_constants(self, keras: ModuleType) -> None:
        theirs = keras.initializers.Identity(0.5)((4, 6)).detach()
        assert torch.equal(sample(KERAS_INITIALIZERS["identity"](0.5), (4, 6), torch_source(0)).float(), theirs.cpu())
        assert float(keras.initializers.Constant()((2,)).sum()) == 0
        assert KERAS_INITIALIZERS["Constant"]().is_zero

    def test_truncated_normal_is_not_corrected_but_variance_scaling_is(self) -> None:
        short = weight_moments(KERAS_INITIALIZERS["TruncatedNormal"](), 500, 300)
        assert short == pytest.approx((0, 0.00193435), rel=1e-5)
        full = weight_moments(KERAS_INITIALIZERS["GlorotNormal"](), 500, 300)
        assert full == pytest.approx((0, 0.0025))

    def test_a_cut_is_hard_in_theory_and_almost_in_keras(self, keras: ModuleType) -> None:
        init = KERAS_INITIALIZERS["HeNormal"]()
        bounds = support(init, 500, 300)
        assert bounds is not None
        values = keras.initializers.HeNormal(seed=2)((500, 300)).detach().abs()
        assert float((values > bounds[1]).double().mean()) <= 1e-4
        assert float(values.max()) > 0.99 * bounds[1]
        mine = sample(init, (500, 300), torch_source(0), "keras").abs()
        assert 0.99 * bounds[1] < float(mine.max()) <= bounds[1] * (1 + 1e-12)

    @pytest.mark.parametrize(
        ("arguments", "name"),
        [
            ({"scale": 2.0}, "kaiming_normal"),
            ({"scale": 2.0, "distribution": "uniform"}, "kaiming_uniform"),
            ({"mode": "fan_avg", "distribution": "untruncated_normal"}, "xavier_normal"),
            ({}, "lecun_normal"),
            ({"scale": 0.1}, "variance_scaling"),
            ({"scale": None}, "variance_scaling"),
        ],
        ids=str,
    )
    def test_variance_scaling_goes_by_the_name_of_its_scheme(self, arguments: dict[str, Any], name: str) -> None:
        assert KERAS_INITIALIZERS["VarianceScaling"](**arguments).name == name

    @pytest.mark.parametrize(
        "arguments", [{"scale": 0.0}, {"scale": -1.0}, {"mode": "fan"}, {"distribution": "gaussian"}], ids=str
    )
    def test_what_keras_rejects_is_rejected(self, keras: ModuleType, arguments: dict[str, Any]) -> None:
        for make in (keras.initializers.VarianceScaling, KERAS_INITIALIZERS["VarianceScaling"]):
            with pytest.raises(ValueError):
                make(**arguments)


class TestOwnSamplers:
    @pytest.mark.parametrize("source", [lambda: python_source(5), lambda: torch_source(5)], ids=["lists", "tensors"])
    @pytest.mark.parametrize("draw", TORCH_DRAWS, ids=label)
    def test_they_draw_the_same_distributions(
        self, draw: tuple[str, dict[str, Any]], source: Callable[[], Source]
    ) -> None:
        init = TORCH_INITIALIZERS[draw[0]](**draw[1])
        values = torch.as_tensor(sample(init, (ROWS, COLUMNS), source()), dtype=torch.float64)
        assert_drawn_from(values.reshape(ROWS, COLUMNS), init, "torch")

    @pytest.mark.parametrize("draw", KERAS_DRAWS, ids=label)
    def test_they_draw_keras_schemes_too(self, draw: tuple[str, dict[str, Any]]) -> None:
        init = KERAS_INITIALIZERS[draw[0]](**draw[1])
        assert_drawn_from(sample(init, (ROWS, COLUMNS), torch_source(6), "keras"), init, "keras")

    def test_the_distribution_test_tells_a_cut_normal_from_one_of_equal_std(self) -> None:
        init = KERAS_INITIALIZERS["HeNormal"]()
        values = sample(init, (ROWS, COLUMNS), torch_source(1), "keras")
        wrong = KERAS_INITIALIZERS["VarianceScaling"](2.0, distribution="untruncated_normal")
        assert kolmogorov(values, distribution(wrong, keras_fans((ROWS, COLUMNS)))) > 2 * KOLMOGOROV

    def test_a_seed_repeats_the_weight_and_a_dtype_is_kept(self) -> None:
        init = TORCH_DEFAULT
        assert sample(init, (3, 4), python_source(1)) == sample(init, (3, 4), python_source(1))
        assert torch.equal(sample(init, (3, 4), torch_source(1)), sample(init, (3, 4), torch_source(1)))
        assert sample(init, (3, 4), torch_source(1, torch.float16)).dtype == torch.float16
        assert not torch.equal(sample(init, (3, 4), torch_source()), sample(init, (3, 4), torch_source()))

    @pytest.mark.parametrize("init", [OPAQUE, UNINITIALISED, TORCH_INITIALIZERS["normal_"](std=None)], ids=str)
    def test_what_is_unknown_cannot_be_drawn(self, init: Initializer) -> None:
        with pytest.raises(ValueError, match="unknown"):
            sample(init, (3, 4), python_source(0))
