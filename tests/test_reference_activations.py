"""Activations and their derivatives against torch and Keras, and the facts that the catalogue states about them."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from actinit_lint.reference.activations import CATALOGUE, activation
from actinit_lint.reference.nonlinearity import Nonlinearity
from actinit_lint.reference.operations import tensor_operations
from actinit_lint.reference.spellings import SPELLINGS

torch.set_num_threads(1)  # the tensors are small: threads cost more than they bring

#: Pre-activations of ±12 in steps of 0.01, and the places where formulas overflow, cancel or have kinks.
AWKWARD = (100.0, -100.0, 30.0, -30.0, 1e-8, -1e-8, 0.0, 0.5, -0.5, 1.0, -1.0, 2.5, -2.5, 3.0, -3.0, 6.0)
GRID = [*(-12 + i / 100 for i in range(2401)), *AWKWARD]
#: |difference|/(1 + |value|) against float64 and float32.
EXACT, SINGLE = 1e-12, 2e-6

#: (name, parameters) -> torch's own function.
TORCH: dict[tuple[Any, ...], Callable[[torch.Tensor], torch.Tensor]] = {
    ("identity",): torch.nn.Identity(),
    ("relu",): F.relu,
    ("leaky_relu", 0.01): F.leaky_relu,
    ("leaky_relu", 0.2): lambda z: F.leaky_relu(z, 0.2),
    ("leaky_relu", 0.3): lambda z: F.leaky_relu(z, 0.3),
    ("leaky_relu", 1.5): lambda z: F.leaky_relu(z, 1.5),
    ("prelu", 0.25): lambda z: F.prelu(z, torch.tensor([0.25], dtype=z.dtype)),
    ("rrelu",): lambda z: F.rrelu(z, training=False),
    ("relu6",): F.relu6,
    ("clipped_relu", 0.0, math.inf, 0.5): lambda z: F.threshold(z, 0.5, 0.0),
    ("threshold", 0.305, -1.0): lambda z: F.threshold(z, 0.305, -1.0),
    ("elu",): F.elu,
    ("elu", 0.5): lambda z: F.elu(z, 0.5),
    ("celu",): F.celu,
    ("celu", 2.0): lambda z: F.celu(z, 2.0),
    ("selu",): F.selu,
    ("gelu",): F.gelu,
    ("gelu_tanh",): lambda z: F.gelu(z, approximate="tanh"),
    ("quick_gelu",): lambda z: z * torch.sigmoid(1.702 * z),
    ("silu",): F.silu,
    ("mish",): F.mish,
    ("softplus",): F.softplus,
    ("softplus", 3.0, 20.0): lambda z: F.softplus(z, 3.0),
    ("softplus", 0.5, 4.0): lambda z: F.softplus(z, 0.5, 4.0),
    ("softsign",): F.softsign,
    ("sigmoid",): torch.sigmoid,
    ("tanh",): torch.tanh,
    ("hardtanh",): F.hardtanh,
    ("hardtanh", -2.0, 0.5): lambda z: F.hardtanh(z, -2.0, 0.5),
    ("hardsigmoid",): F.hardsigmoid,
    ("hardsigmoid_keras2",): lambda z: F.hardtanh(0.2 * z + 0.5, 0.0, 1.0),
    ("hardswish",): F.hardswish,
    ("tanhshrink",): F.tanhshrink,
    ("softshrink",): F.softshrink,
    ("softshrink", 0.205): lambda z: F.softshrink(z, 0.205),
    ("hardshrink",): F.hardshrink,
    ("logsigmoid",): F.logsigmoid,
    ("squareplus",): lambda z: (z + torch.sqrt(z * z + 4)) / 2,
    ("sparse_plus",): lambda z: torch.where(z <= -1, 0.0 * z, torch.where(z < 1, (z + 1) ** 2 / 4, z)),
    ("sparse_sigmoid",): lambda z: F.hardtanh(0.5 * (z + 1), 0.0, 1.0),
    ("relu2",): lambda z: F.relu(z) ** 2,
    ("exp",): torch.exp,
    ("sin",): torch.sin,
}
#: torch 2.13 takes 1/6 in single precision when it differentiates hardsigmoid, 5e-9 off. Here it is written out.
EXACT_SLOPES = {"hardsigmoid": lambda z: F.hardtanh(z / 6 + 0.5, 0.0, 1.0)}
CASES = [pytest.param(activation(*key), function, id=str(key)) for key, function in TORCH.items()]
RECTIFIERS = (
    *("relu", "leaky_relu", "prelu", "rrelu", "relu6", "clipped_relu", "gelu", "gelu_tanh", "quick_gelu"),
    *("silu", "mish", "hardswish", "relu2"),
)
EVERY = [pytest.param(activation(name), id=name) for name in CATALOGUE]


def tensor(dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.tensor(GRID, dtype=dtype)


def error(mine: torch.Tensor, theirs: torch.Tensor) -> float:
    """Largest |mine - theirs|/(1 + |theirs|) where single precision does not overflow."""
    finite = mine.abs() < 1e38
    difference = (mine - theirs.double()).abs() / (1 + theirs.double().abs())
    return float(difference[finite].max())


def slope(function: Callable[[torch.Tensor], torch.Tensor], z: torch.Tensor) -> torch.Tensor:
    z = z.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(function(z).sum(), z)
    return gradient


@pytest.fixture(scope="module")
def keras() -> Iterator[ModuleType]:
    import keras

    yield keras


class TestAgainstTorch:
    def test_every_activation_of_the_catalogue_is_compared(self) -> None:
        assert {key[0] for key in TORCH} == set(CATALOGUE)

    @pytest.mark.parametrize(("phi", "function"), CASES)
    def test_values_agree_in_double_precision(self, phi: Nonlinearity, function: Any) -> None:
        z = tensor()
        mine = torch.tensor([phi.value(x) for x in z.tolist()], dtype=torch.float64)
        assert error(mine, function(z)) <= EXACT

    @pytest.mark.parametrize(("phi", "function"), CASES)
    def test_derivatives_agree_in_double_precision_kinks_included(self, phi: Nonlinearity, function: Any) -> None:
        z = tensor()
        mine = torch.tensor([phi.derivative(x) for x in z.tolist()], dtype=torch.float64)
        assert error(mine, slope(EXACT_SLOPES.get(phi.name, function), z)) <= EXACT

    @pytest.mark.parametrize(("phi", "function"), CASES)
    def test_values_and_derivatives_agree_in_single_precision(self, phi: Nonlinearity, function: Any) -> None:
        z = tensor(torch.float32)
        ops = tensor_operations()
        assert error(phi.value(z.double(), ops), function(z)) <= SINGLE
        assert error(phi.derivative(z.double(), ops), slope(function, z)) <= SINGLE

    @pytest.mark.parametrize("phi", EVERY)
    def test_tensors_and_floats_share_one_definition(self, phi: Nonlinearity) -> None:
        z, ops = tensor(), tensor_operations()
        for method in (phi.value, phi.derivative):
            assert error(torch.tensor([method(x) for x in z.tolist()], dtype=torch.float64), method(z, ops)) <= 1e-14
        assert phi.value(z.float(), ops).dtype == torch.float32


class TestAgainstKeras:
    @pytest.mark.parametrize("name", sorted(SPELLINGS["keras3", "string"]))
    def test_every_string_of_keras_3_resolves_to_the_same_function(self, keras: ModuleType, name: str) -> None:
        theirs = keras.activations.get(name)
        given = {"threshold": 0.305, "default_value": -1.0} if name == "threshold" else {}
        phi = SPELLINGS["keras3", "string"][name].make(**given)
        self.compare(phi, lambda z: theirs(z, **given))

    def test_every_elementwise_string_of_keras_3_has_a_spelling(self, keras: ModuleType) -> None:
        known = keras.src.activations.ALL_OBJECTS_DICT
        assert set(known) - set(SPELLINGS["keras3", "string"]) == {"softmax", "log_softmax", "glu", "sparsemax"}

    @pytest.mark.parametrize("name", sorted(SPELLINGS["keras3", "ops"]))
    def test_every_spelling_in_keras_ops_is_the_same_function(self, keras: ModuleType, name: str) -> None:
        given = {"threshold": 0.305, "default_value": -1.0} if name == "threshold" else {}
        self.compare(
            SPELLINGS["keras3", "ops"][name].make(**given), lambda z: getattr(keras.ops, name)(z, *given.values())
        )

    @pytest.mark.parametrize("name", sorted(SPELLINGS["keras3", "layer"]))
    def test_every_layer_has_the_defaults_of_its_spelling(self, keras: ModuleType, name: str) -> None:
        layer = getattr(keras.layers, name)(dtype="float64")
        layer.build((1, len(GRID)))
        self.compare(
            SPELLINGS["keras3", "layer"][name].make(), lambda z: layer(z.reshape(1, -1)).reshape(-1).to(z.dtype)
        )

    @pytest.mark.parametrize(
        "given",
        [
            {"negative_slope": 0.1},
            {"max_value": 6.0},
            {"max_value": 4.0, "threshold": 0.505},
            {"negative_slope": 0.1, "max_value": 4.0, "threshold": 0.505},
        ],
        ids=str,
    )
    def test_the_arguments_of_keras_relu_mean_the_same(self, keras: ModuleType, given: dict[str, float]) -> None:
        phi = SPELLINGS["keras3", "string"]["relu"].make(**given)
        self.compare(phi, lambda z: keras.activations.relu(z, **given))

    def compare(self, phi: Nonlinearity, theirs: Any) -> None:
        ops = tensor_operations()
        for dtype, tolerance in ((torch.float64, EXACT), (torch.float32, SINGLE)):
            z = tensor(dtype)
            assert error(phi.value(z.double(), ops), theirs(z).detach()) <= tolerance
            single = SINGLE if phi.name in EXACT_SLOPES else tolerance
            assert error(phi.derivative(z.double(), ops), slope(theirs, z)) <= single


class TestSpellings:
    @pytest.mark.parametrize("name", sorted(SPELLINGS["torch", "module"]))
    def test_every_torch_module_has_the_defaults_of_its_spelling(self, name: str) -> None:
        given = {"threshold": 0.305, "value": -1.0} if name == "Threshold" else {}
        module = getattr(torch.nn, name)(**given).double()
        phi = SPELLINGS["torch", "module"][name].make(**given)
        z = tensor()
        if name == "RReLU":  # random while training: the root mean square of its slope, here by simulation
            torch.manual_seed(0)
            assert (module(-torch.ones(10**6).double()) ** 2).mean() == pytest.approx(phi.value(-1.0) ** 2, rel=3e-3)
        else:
            assert error(phi.value(z, tensor_operations()), module(z).detach()) <= EXACT

    @pytest.mark.parametrize("name", sorted(SPELLINGS["torch", "functional"]))
    def test_every_torch_function_has_the_defaults_of_its_spelling(self, name: str) -> None:
        given = {"threshold": 0.305, "value": -1.0} if name == "threshold" else {}
        where = next(m for m in (F, torch, torch.special) if hasattr(m, name))
        phi = SPELLINGS["torch", "functional"][name].make(**given)
        assert error(phi.value(tensor(), tensor_operations()), getattr(where, name)(tensor(), **given)) <= EXACT

    def test_the_leaky_slope_differs_between_a_keras_string_a_keras_layer_and_torch(self) -> None:
        slopes = [
            SPELLINGS[place][name].make().parameters
            for place, name in [
                (("torch", "module"), "LeakyReLU"),
                (("keras3", "string"), "leaky_relu"),
                (("keras3", "layer"), "LeakyReLU"),
                (("keras2", "ops"), "leaky_relu"),
            ]
        ]
        assert slopes == [(("slope", s),) for s in (0.01, 0.2, 0.3, 0.2)]

    def test_the_legacy_alpha_of_keras_sets_the_slope(self) -> None:
        assert SPELLINGS["keras3", "layer"]["LeakyReLU"].make(alpha=0.1) == activation("leaky_relu", 0.1)
        assert SPELLINGS["keras2", "string"]["relu"].make(alpha=0.1) == activation("leaky_relu", 0.1)

    def test_keras_relu_goes_by_the_simplest_name(self) -> None:
        relu = SPELLINGS["keras3", "string"]["relu"]
        assert [relu.make(**given).name for given in ({}, {"max_value": 6}, {"threshold": 1})] == [
            "relu",
            "relu6",
            "clipped_relu",
        ]

    def test_hard_sigmoid_of_keras_2_is_steeper(self) -> None:
        assert SPELLINGS["keras2", "string"]["hard_sigmoid"].make().derivative(0.0) == 0.2
        assert SPELLINGS["keras3", "string"]["hard_sigmoid"].make().derivative(0.0) == pytest.approx(1 / 6)

    def test_an_argument_that_a_spelling_does_not_take_is_named(self) -> None:
        with pytest.raises(ValueError, match="takes no 'beta'"):
            SPELLINGS["torch", "module"]["ReLU"].make(beta=1.0)


class TestCatalogue:
    @pytest.mark.parametrize("phi", EVERY)
    def test_the_derivative_is_the_slope_between_kinks(self, phi: Nonlinearity) -> None:
        h = 1e-5
        for x in GRID[:2401:7]:
            if all(abs(x - kink) > 0.01 for kink in phi.kinks):
                secant = (phi.value(x + h) - phi.value(x - h)) / (2 * h)
                assert phi.derivative(x) == pytest.approx(secant, rel=1e-4, abs=1e-4)

    @pytest.mark.parametrize("phi", EVERY)
    def test_the_range_is_reached_and_never_left(self, phi: Nonlinearity) -> None:
        low, high = phi.range
        values = [phi.value(x) for x in [i / 1000 for i in range(-20000, 20001)] + [-1e8, 1e8]]
        assert low - 1e-12 <= min(values) <= (low + 1e-6 if math.isfinite(low) else -1e6)
        assert (high - 1e-6 if math.isfinite(high) else 1e6) <= max(values) <= high + 1e-12

    @given(name=st.sampled_from(sorted(CATALOGUE)), z=st.floats(-1e6, 1e6))
    def test_every_value_is_a_number(self, name: str, z: float) -> None:
        phi = activation(name)
        assert not math.isnan(phi.value(z))
        assert not math.isnan(phi.derivative(z))
        assert phi.range[0] <= phi.value(z) + 1e-12
        assert phi.value(z) - 1e-12 <= phi.range[1]

    def test_families_are_the_ones_of_the_rules(self) -> None:
        families: dict[str, set[str]] = {}
        for name, entry in CATALOGUE.items():
            families.setdefault(entry.family, set()).add(name)
        assert sorted(families["rectifier"]) == sorted(RECTIFIERS)
        assert families["saturating"] == {
            "sigmoid",
            "tanh",
            "softsign",
            "hardtanh",
            "hardsigmoid",
            "hardsigmoid_keras2",
        }
        assert families["self-normalising"] == {"selu"}

    def test_reference_gains(self) -> None:
        gains = {name: activation(name).reference_gain for name in CATALOGUE}
        root = math.sqrt(2)
        expected = {"relu": root, "gelu": root, "tanh": 5 / 3, "sigmoid": 1, "softsign": 1, "identity": 1, "selu": 1}
        assert expected.items() <= gains.items()
        assert gains["elu"] is gains["softplus"] is gains["hardtanh"] is None
        assert activation("leaky_relu", 0.2).reference_gain == pytest.approx(math.sqrt(2 / 1.04))

    def test_equal_parameters_give_the_same_object_and_none_is_the_default(self) -> None:
        assert activation("leaky_relu", 0.2) is activation("leaky_relu", 0.2)
        assert activation("leaky_relu", None) == activation("leaky_relu") == activation("leaky_relu", slope=0.01)
        assert activation("elu") != activation("celu")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("swish",), "unknown activation 'swish'; known are"),
            (("relu", 0.1), "relu takes 0 parameters, 1 were given"),
            (("softplus", 0.0), "beta is 0.0, expected a positive number"),
            (("squareplus", 0.0), "b is 0.0, expected a positive number"),
            (("clipped_relu", 0.0, 1.0, 2.0), "max_value 1.0 is below threshold 2.0"),
        ],
    )
    def test_what_cannot_be_built_is_said(self, arguments: tuple[Any, ...], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            activation(*arguments)

    def test_an_unknown_parameter_is_said(self) -> None:
        with pytest.raises(ValueError, match="elu has no parameter 'slope'; it takes alpha"):
            activation("elu", slope=1.0)

    def test_torch_is_not_imported_before_tensors_are_asked_for(self) -> None:
        code = (
            "import sys, pkgutil, importlib, actinit_lint.reference as r\nfor m in pkgutil.iter_modules(r.__path__):\n"
        )
        code += "    importlib.import_module(f'actinit_lint.reference.{m.name}')\nassert 'torch' not in sys.modules\n"
        code += "assert 'numpy' not in sys.modules"
        root = Path(__file__).resolve().parent.parent
        subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
