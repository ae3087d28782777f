"""What normal forms know without drawing anything, and the fans of weights and of operations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch

from actinit_lint.reference.fans import (
    convolution_fans,
    dense_fans,
    keras_fans,
    torch_fans,
    transposed_convolution_fans,
)
from actinit_lint.reference.initializers import (
    operation_gain,
    support,
    weight_moments,
)
from actinit_lint.reference.keras_initializers import KERAS_INITIALIZERS
from actinit_lint.reference.normal_form import KERAS_DEFAULT, OPAQUE, TORCH_DEFAULT, UNINITIALISED
from actinit_lint.reference.torch_initializers import TORCH_INITIALIZERS

torch.set_num_threads(1)  # the tensors are small: threads cost more than they bring


@pytest.fixture(scope="module")
def keras() -> Iterator[ModuleType]:
    import keras

    yield keras


class TestNormalForms:
    def test_an_unknown_number_makes_the_variance_unknown(self) -> None:
        unknown = [
            TORCH_INITIALIZERS["normal_"](std=None),
            TORCH_INITIALIZERS["uniform_"](a=None),
            TORCH_INITIALIZERS["constant_"](None),
            TORCH_INITIALIZERS["trunc_normal_"](a=None),
            TORCH_INITIALIZERS["xavier_normal_"](gain=None),
            TORCH_INITIALIZERS["kaiming_normal_"](mode=None),
            TORCH_INITIALIZERS["kaiming_normal_"](a=None),
            TORCH_INITIALIZERS["kaiming_normal_"](nonlinearity=None),
            TORCH_INITIALIZERS["orthogonal_"](None),
            TORCH_INITIALIZERS["sparse_"](None),
            TORCH_INITIALIZERS["dirac_"](None),
            KERAS_INITIALIZERS["VarianceScaling"](scale=None),
            KERAS_INITIALIZERS["TruncatedNormal"](stddev=None),
            KERAS_INITIALIZERS["STFT"](),
            OPAQUE,
            UNINITIALISED,
        ]
        assert [weight_moments(init, 10, 20, (20, 10)) for init in unknown] == [None] * len(unknown)

    def test_a_slope_that_the_nonlinearity_ignores_may_be_unknown(self) -> None:
        assert TORCH_INITIALIZERS["kaiming_normal_"](a=None, nonlinearity="relu").gain == math.sqrt(2)

    def test_an_unknown_fan_matters_only_where_it_is_used(self) -> None:
        init = TORCH_INITIALIZERS["kaiming_normal_"]()
        assert weight_moments(init, fan_in=50) == pytest.approx((0, 0.04))
        assert weight_moments(init, fan_out=50) is None
        assert weight_moments(TORCH_INITIALIZERS["xavier_normal_"](), fan_in=50) is None
        assert weight_moments(TORCH_INITIALIZERS["normal_"]()) == (0, 1)

    def test_the_torch_default_written_out_is_the_default(self) -> None:
        written = TORCH_INITIALIZERS["kaiming_uniform_"](a=math.sqrt(5))
        assert written == TORCH_DEFAULT
        assert TORCH_INITIALIZERS["kaiming_uniform_"](a=2.236, nonlinearity="leaky_relu").is_default
        assert not TORCH_INITIALIZERS["kaiming_normal_"](a=math.sqrt(5)).is_default
        assert not TORCH_INITIALIZERS["kaiming_uniform_"](a=math.sqrt(5), mode="fan_out").is_default

    def test_a_nonlinearity_is_remembered_only_when_it_was_spelled_out(self) -> None:
        assert TORCH_INITIALIZERS["kaiming_normal_"]().nonlinearity is None
        assert TORCH_INITIALIZERS["kaiming_normal_"](nonlinearity="tanh").nonlinearity == "tanh"

    @pytest.mark.parametrize(
        "arguments", [{"nonlinearity": "gelu"}, {"mode": "fan_avg"}, {"a": True, "nonlinearity": "leaky_relu"}], ids=str
    )
    def test_what_torch_rejects_is_rejected(self, arguments: dict[str, Any]) -> None:
        for make in (lambda **k: torch.nn.init.kaiming_normal_(torch.empty(3, 3), **k),):
            with pytest.raises(ValueError):
                make(**arguments)
        with pytest.raises(ValueError):
            TORCH_INITIALIZERS["kaiming_normal_"](**arguments)

    def test_schemes_are_recognised_across_frameworks(self) -> None:
        assert KERAS_INITIALIZERS["he_normal"]().is_kaiming
        assert TORCH_INITIALIZERS["kaiming_uniform_"]().is_kaiming
        assert KERAS_INITIALIZERS["glorot_uniform"]().is_xavier
        assert not TORCH_DEFAULT.is_kaiming
        assert KERAS_DEFAULT.is_xavier

    def test_supports(self) -> None:
        assert support(TORCH_DEFAULT, 16, 4) == pytest.approx((-0.25, 0.25))
        assert support(TORCH_INITIALIZERS["normal_"]()) == (-math.inf, math.inf)
        assert support(TORCH_INITIALIZERS["trunc_normal_"](std=0.02)) == (-2, 2)
        assert support(TORCH_INITIALIZERS["constant_"](0.3)) == (0.3, 0.3)
        assert support(TORCH_DEFAULT) is None


class TestFans:
    @pytest.mark.parametrize("shape", [(3, 5), (8, 4, 3), (8, 4, 3, 3), (2, 3, 1, 2, 4)], ids=str)
    def test_they_are_torchs(self, shape: tuple[int, ...]) -> None:
        assert torch_fans(shape) == torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))

    def test_a_vector_has_none_in_torch(self) -> None:
        with pytest.raises(ValueError, match="at least two dimensions"):
            torch_fans((3,))

    @pytest.mark.parametrize("shape", [(), (7,), (3, 5), (3, 4, 8), (3, 3, 4, 8)], ids=str)
    def test_they_are_keras(self, keras: ModuleType, shape: tuple[int, ...]) -> None:
        theirs = keras.src.initializers.random_initializers.compute_fans
        assert keras_fans(shape) == theirs(shape)
        if len(shape) == 3:
            axes = {"input_axes": [0], "output_axes": [1, 2]}
            assert keras_fans(shape, **axes) == theirs(shape, **axes) == (3, 32)

    def test_a_depthwise_convolution_sees_less_than_its_xavier_initialiser_counts(self) -> None:
        init = TORCH_INITIALIZERS["xavier_uniform_"]()
        gain = operation_gain(init, convolution_fans(64, 64, 9, groups=64), shape=(64, 1, 3, 3))
        assert gain is not None
        assert gain.fan_in == pytest.approx(2 / 65)
        keras_he = KERAS_INITIALIZERS["he_normal"]()
        gain = operation_gain(keras_he, convolution_fans(64, 64, 9, groups=64), shape=(3, 3, 64, 1), layout="keras")
        assert gain is not None
        assert gain.fan_in == pytest.approx(2 / 64)

    def test_a_transposed_convolution_counts_its_outputs_as_fan_in(self) -> None:
        init = TORCH_INITIALIZERS["kaiming_normal_"]()
        operation = transposed_convolution_fans(128, 64, 16, stride=4)
        gain = operation_gain(init, operation, shape=(128, 64, 4, 4))
        assert gain is not None
        assert gain.fan_in == pytest.approx(2 * 128 / (64 * 4))

    def test_the_torch_default_keeps_a_third(self) -> None:
        for operation, shape in (
            (dense_fans(784, 256), (256, 784)),
            (convolution_fans(32, 64, 9, stride=4, groups=2), (64, 16, 3, 3)),
        ):
            gain = operation_gain(TORCH_DEFAULT, operation, shape=shape)
            assert gain is not None
            assert gain.fan_in == pytest.approx(1 / 3)

    def test_an_identity_copies(self) -> None:
        gain = operation_gain(TORCH_INITIALIZERS["eye_"](), dense_fans(30, 60), shape=(60, 30))
        assert gain == pytest.approx((0.5, 1.0))
        wide = operation_gain(TORCH_INITIALIZERS["orthogonal_"](), dense_fans(30, 60), shape=(60, 30))
        assert wide == pytest.approx((0.5, 1.0))
        assert operation_gain(OPAQUE, dense_fans(30, 60), shape=(60, 30)) is None
