"""What the observer sees of a running torch model: layers, activations, lines, and the right numbers."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from actinit_lint.probe.measure import measured, prepare  # noqa: E402
from actinit_lint.probe.measurement import Measurement, Task  # noqa: E402
from actinit_lint.probe.session import output_leaves, projection  # noqa: E402
from actinit_lint.probe.subject import Subject  # noqa: E402

prepare("torch")


def observed(build: Callable[[], Any], *shape: int, task: Task | None = None, frozen_input: Any = None) -> Measurement:
    """Measure a model that takes one tensor of [batch, *shape]."""

    def inputs(batch: int, distribution: str) -> Any:
        if frozen_input is not None:
            return (frozen_input.clone(),), {}
        return ((torch.randn if distribution == "normal" else torch.rand)(batch, *shape),), {}

    found = measured(Subject("Net", __file__, 1, "torch", build, inputs), task or Task())
    assert found.notes == []
    return found


def activations(found: Measurement) -> list[str]:
    return [one.name for one in found.activations]


class Forward(nn.Module):
    """Layers by name, and a forward pass given as a function of (self, x)."""

    def __init__(self, forward: Callable[[Any, Any], Any], **layers: Any) -> None:
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.through = forward

    def forward(self, x: Any) -> Any:
        return self.through(self, x)


def after_a_layer(function: Callable[[Any], Any]) -> Measurement:
    """A function between two layers."""
    return observed(lambda: Forward(lambda s, x: s.b(function(3 * s.a(x))), a=nn.Linear(8, 32), b=nn.Linear(32, 4)), 8)


class TestActivations:
    @pytest.mark.parametrize(
        ("function", "name"),
        [
            pytest.param(torch.relu, "relu", id="a function"),
            pytest.param(lambda z: z.tanh(), "tanh", id="a method"),
            pytest.param(nn.GELU(), "gelu", id="a module"),
            pytest.param(lambda z: F.gelu(z, approximate="tanh"), "gelu_tanh", id="a variant"),
            pytest.param(lambda z: F.leaky_relu(z, 0.3), "leaky_relu", id="a parameter"),
            pytest.param(torch.relu_, "relu", id="in place"),
            pytest.param(nn.SiLU(inplace=True), "silu", id="a module in place"),
            pytest.param(lambda z: z.sigmoid_(), "sigmoid", id="a method in place"),
            pytest.param(nn.PReLU(), "prelu", id="a weight of its own"),
            pytest.param(lambda z: z.clamp(min=0), "relu", id="a clamp that is ReLU"),
            pytest.param(lambda z: torch.maximum(z, torch.zeros(())), "relu", id="a maximum that is ReLU"),
            pytest.param(lambda z: z * (z > 0), "relu", id="a mask that is ReLU"),
            pytest.param(lambda z: torch.where(z > 0, z, 0.1 * z), "leaky_relu", id="a where that is leaky ReLU"),
            pytest.param(lambda z: z * torch.sigmoid(z), "silu", id="SiLU by hand"),
            pytest.param(lambda z: z * torch.sigmoid(1.702 * z), "quick_gelu", id="QuickGELU by hand"),
            pytest.param(lambda z: 0.5 * z * (1 + torch.erf(z / math.sqrt(2))), "gelu", id="GELU by hand"),
            pytest.param(lambda z: z * torch.tanh(F.softplus(z)), "mish", id="Mish by hand"),
            pytest.param(lambda z: F.relu(z) ** 2, "relu2", id="squared ReLU by hand"),
            pytest.param(lambda z: F.relu6(z + 3) / 6 * z, "hardswish", id="hard swish by hand"),
            pytest.param(lambda z: 1 / (1 + torch.exp(-z)), "sigmoid", id="sigmoid by hand"),
        ],
    )
    def test_is_known_however_it_is_written(self, function: Callable[[Any], Any], name: str) -> None:
        found = [one for one in after_a_layer(function).activations if one.identified]
        assert [one.name for one in found] == [name]
        assert found[0].sources == [0]

    def test_is_not_claimed_for_another_function(self) -> None:
        found = after_a_layer(lambda z: z + 0.3 * z.abs() ** 1.5)
        assert [one.name for one in found.activations if one.identified] == []

    def test_two_in_a_row_are_two(self) -> None:
        assert activations(after_a_layer(lambda z: F.leaky_relu(torch.tanh(z), 0.2))) == ["tanh", "leaky_relu"]

    def test_one_whose_half_a_layer_reads_first_is_whole_all_the_same(self) -> None:
        def through(self: Any, x: Any) -> Any:
            z = 3 * self.a(x)
            half = torch.sigmoid(z)
            return self.b(half) + self.c(z * half)

        found = observed(
            lambda: Forward(through, a=nn.Linear(8, 32), b=nn.Linear(32, 4), c=nn.Linear(32, 4)), 8
        ).activations
        assert [(one.name, one.identified) for one in found] == [("sigmoid", True), ("silu", True)]

    def test_a_gate_says_so(self) -> None:
        found = observed(
            lambda: Forward(
                lambda s, x: s.out(s.value(x) * torch.sigmoid(s.gate(x))),
                value=nn.Linear(8, 16), gate=nn.Linear(8, 16), out=nn.Linear(16, 2),
            ), 8,
        )  # fmt: skip
        assert [(one.name, one.end, one.sources) for one in found.activations] == [("sigmoid", "gate", [1])]
        assert "gate" in found.layers[2].via

    def test_one_line_in_a_loop_is_one_site_for_each_layer(self) -> None:
        def through(self: Any, x: Any) -> Any:
            for layer in self.layers:
                x = torch.relu_(layer(x))
            return self.head(x)

        found = observed(
            lambda: Forward(through, layers=nn.ModuleList(nn.Linear(8, 8) for _ in range(4)), head=nn.Linear(8, 1)), 8
        )
        assert [one.sources for one in found.activations] == [[0], [1], [2], [3]]
        assert len({one.called for one in found.activations}) == 1


class TestLayers:
    def test_each_has_its_path_line_and_what_feeds_it(self) -> None:
        start = inspect.currentframe().f_lineno  # type: ignore[union-attr]

        def build() -> Any:
            block = nn.Sequential(
                nn.Conv2d(3, 8, 3),
                nn.ReLU(),
            )
            return nn.Sequential(block, nn.Flatten(), nn.Linear(8 * 6 * 6, 4))

        found = observed(build, 3, 8, 8)
        assert [(one.layer, one.weight, one.sources) for one in found.layers] == [
            ("0.0", "0.0.weight", []),
            ("2", "2.weight", [0]),
        ]
        assert [one.constructed and one.constructed[1] - start for one in found.layers] == [4, 7]
        assert found.layers[0].constructed == (__file__, start + 4)

    @pytest.mark.parametrize(
        ("apply", "axis"),
        [
            pytest.param(lambda x, w: x @ w, 1, id="to the right"),
            pytest.param(lambda x, w: x @ w.t(), 0, id="transposed"),
            pytest.param(lambda x, w: F.linear(x, w), 0, id="linear"),
            pytest.param(lambda x, w: torch.einsum("bi,oi->bo", x, w), 1, id="einsum"),
        ],
    )
    def test_a_raw_parameter_is_one(self, apply: Callable[[Any, Any], Any], axis: int) -> None:
        def build() -> Any:
            model = Forward(lambda s, x: s.out(torch.tanh(apply(x, s.w))), out=nn.Linear(8, 2))
            model.w = nn.Parameter(torch.randn(8, 8) / 3)
            return model

        record = observed(build, 8).layers[0]
        assert (record.weight, record.fan_in) == ("w", 8)
        assert record.unit_axis == axis or record.kind == "einsum"

    def test_weight_normalisation_does_not_hide_one(self) -> None:
        found = observed(
            lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(8, 4)), nn.ReLU(), nn.Linear(4, 1)), 8
        )
        assert [one.layer for one in found.layers] == ["0", "2"]

    def test_additions_and_normalisations_on_the_way_are_noted(self) -> None:
        found = observed(
            lambda: Forward(
                lambda s, x: s.c(torch.relu(s.n(s.a(x))) + s.b(x)),
                a=nn.Linear(8, 8), n=nn.BatchNorm1d(8), b=nn.Linear(8, 8), c=nn.Linear(8, 1),
            ), 8,
        )  # fmt: skip
        assert found.layers[2].sources == [0, 1]
        assert {"add", "norm"} <= set(found.layers[2].via)

    def test_a_transposed_convolution_counts_the_products_of_one_output(self) -> None:
        found = observed(lambda: nn.Sequential(nn.ConvTranspose2d(6, 4, 4, 2, 1), nn.ReLU()), 6, 5, 5)
        assert (found.layers[0].fan_in, found.layers[0].unit_axis) == (6 * 16 / 4, 1)


class TestNumbers:
    def test_are_those_of_a_direct_computation(self) -> None:
        x = torch.randn(40, 8)
        made = []

        def build() -> Any:
            made.append(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)))
            return made[-1]

        found = observed(build, frozen_input=x)
        run = found.layers[0].runs[0]
        torch.manual_seed(found.runs[0].seed)
        model = build()
        z = model[0](x).double()
        assert run.second == pytest.approx(float(z.square().mean()), rel=1e-5)
        assert run.signal == pytest.approx(float(z.var(0, correction=0).mean()), rel=1e-5)
        assert run.fed == pytest.approx(float(x.square().mean()), rel=1e-5)
        met = found.activations[0].runs[0]
        assert met.active == pytest.approx(float((z > 0).double().mean()), abs=1e-6)
        assert met.dead == pytest.approx(float((z <= 0).all(0).double().mean()))
        assert met.second_out == pytest.approx(float(z.clamp(min=0).square().mean()), rel=1e-5)

        pre = model[0](x)
        pre.retain_grad()
        projection([model[2](torch.relu(pre))], found.runs[0].seed).backward()
        assert run.gradient == pytest.approx(float(pre.grad.square().mean()), rel=1e-4)

    def test_a_tensor_that_is_written_to_counts_as_it_was(self) -> None:
        def through(self: Any, x: Any) -> Any:
            z = self.a(x)
            y = torch.tanh(z)
            return self.b(y + z.mul_(0))

        def build() -> Any:
            return Forward(through, a=nn.Linear(8, 32), b=nn.Linear(32, 4))

        x = 3 * torch.randn(40, 8)
        found = observed(build, frozen_input=x)
        torch.manual_seed(found.runs[0].seed)
        slopes = 1 - torch.tanh(build().a(x)) ** 2
        assert found.activations[0].runs[0].slope == pytest.approx(float(slopes.square().mean()), rel=1e-4)

    @pytest.mark.parametrize("offset", [0.0, 30.0, 1e4])
    def test_a_small_signal_on_a_large_mean_is_kept(self, offset: float) -> None:
        x = torch.randn(40, 8)

        def build() -> Any:
            model = nn.Sequential(nn.Linear(8, 16), nn.ReLU())
            nn.init.constant_(model[0].bias, offset)
            return model

        run = observed(build, frozen_input=x).layers[0].runs[0]
        torch.manual_seed(0)
        z = build()[0](x).double()
        assert run.signal == pytest.approx(float(z.var(0, correction=0).mean()), rel=1e-3)
        assert observed(build, frozen_input=x[:1].expand(40, 8)).layers[0].runs[0].signal == 0

    def test_the_projection_agrees_with_a_loss_about_the_gradient(self) -> None:
        def ratio(head: Callable[[Any], Any], objective: Callable[[Any, int], Any], seed: int) -> float:
            torch.manual_seed(seed)
            layers = [nn.Linear(64, 64) for _ in range(6)]
            values, x = [], torch.randn(64, 64)
            for layer in layers:
                z = layer(x)
                z.retain_grad()
                values.append(z)
                x = torch.sigmoid(z)
            objective(head(nn.Linear(64, 10)(x)), seed).backward()
            return math.log10(float(values[0].grad.norm() / values[-1].grad.norm()))

        for head, loss in ((lambda y: y, F.cross_entropy), (lambda y: F.log_softmax(y, 1), F.nll_loss)):
            random = [ratio(head, lambda y, seed: projection([y], seed), seed) for seed in range(3)]
            true = [ratio(head, lambda y, seed, loss=loss: loss(y, torch.arange(64) % 10), seed) for seed in range(3)]
            assert sum(random) / 3 == pytest.approx(sum(true) / 3, abs=0.2)

    def test_a_sum_of_softmax_outputs_would_be_blind_and_the_projection_is_not(self) -> None:
        y = torch.randn(8, 5, requires_grad=True)
        projection([y.softmax(1)], 0).backward()
        assert float(y.grad.abs().max()) > 1e-4

    def test_inputs_are_normal_and_uniform(self) -> None:
        found = observed(lambda: nn.Sequential(nn.Linear(64, 8), nn.ReLU()), 64)
        fed = {run.distribution: found.layers[0].runs[i].fed for i, run in enumerate(found.runs)}
        assert fed["normal"] == pytest.approx(1, abs=0.1)
        assert fed["uniform"] == pytest.approx(1 / 3, abs=0.05)

    def test_outputs_of_any_shape_have_leaves(self) -> None:
        out = {"a": torch.zeros(2), "b": [torch.zeros(3), torch.zeros(1, dtype=torch.long)]}
        distribution = torch.distributions.Normal(torch.zeros(4), torch.ones(4))
        assert [len(leaf) for leaf in output_leaves((out, distribution))] == [2, 3, 4]


class TestRecurrent:
    @pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
    def test_the_replay_ends_where_the_layer_does(self, kind: str) -> None:
        from actinit_lint.probe.observe.recurrent import gates_of

        torch.manual_seed(0)
        layer = getattr(nn, kind)(6, 5, batch_first=True)
        x = torch.randn(4, 7, 6)
        gates = list(gates_of(layer, (x,)))
        output, _ = layer(x)
        if kind == "RNN":
            assert torch.allclose(torch.tanh(gates[-1].values), output[:, -1], atol=1e-6)
        assert torch.allclose(gates[-1].state, output[:, -2], atol=1e-6)
        assert len(gates) == 7 * {"RNN": 1, "LSTM": 4, "GRU": 3}[kind]

    def test_gates_are_recorded(self) -> None:
        found = observed(lambda: Forward(lambda s, x: s.r(x)[0], r=nn.LSTM(8, 8, batch_first=True)), 5, 8)
        assert {(one.layer, one.name) for one in found.gates} == {("r", "sigmoid"), ("r", "tanh")}


class TestParameters:
    def test_a_dead_layer_is_stuck(self) -> None:
        found = observed(
            lambda: Forward(lambda s, x: s.b(torch.relu(s.a(x) - 50)), a=nn.Linear(8, 8), b=nn.Linear(8, 1)), 8
        )
        assert {one.weight for one in found.stuck} == {"a.weight", "b.weight"}

    def test_a_zero_branch_wakes_up(self) -> None:
        def build() -> Any:
            model = Forward(
                lambda s, x: s.out(x + s.up(torch.relu(s.down(x)))),
                down=nn.Linear(8, 4), up=nn.Linear(4, 8), out=nn.Linear(8, 2),
            )  # fmt: skip
            nn.init.zeros_(model.up.weight)
            return model

        assert observed(build, 8).stuck == []

    def test_what_no_output_depends_on_is_listed_apart(self) -> None:
        found = observed(lambda: Forward(lambda s, x: s.a(x), a=nn.Linear(8, 2), spare=nn.Linear(8, 2)), 8)
        assert (found.unused, found.stuck) == (["spare.weight"], [])

    def test_equal_units_with_equal_gradients_are_twins(self) -> None:
        def build() -> Any:
            model = nn.Sequential(nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 2))
            nn.init.constant_(model[0].weight, 0.1)
            nn.init.zeros_(model[0].bias)
            nn.init.constant_(model[2].weight, 0.2)
            return model

        first, last = observed(build, 8).layers
        assert (first.runs[0].twins, first.runs[0].gradient_twins) == (1.0, 1.0)
        assert (last.runs[0].twins, last.runs[0].gradient_twins) == (1.0, 0.0)

    def test_random_units_are_not(self) -> None:
        record = observed(lambda: nn.Sequential(nn.Linear(8, 6), nn.Tanh()), 8).layers[0]
        assert {run.gradient_twins for run in record.runs} == {0.0}


def test_the_model_runs_as_if_nobody_watched() -> None:
    torch.manual_seed(3)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(True), nn.Flatten(), nn.Linear(4 * 36, 5), nn.Sigmoid())
    x = torch.randn(2, 1, 8, 8)
    alone = model(x)
    torch.manual_seed(3)
    from actinit_lint.probe.observe.book import Book
    from actinit_lint.probe.observe.places import Constructions
    from actinit_lint.probe.observe.watch import Watch
    from actinit_lint.probe.observe.weights import owners_of

    with Watch(Book(Measurement("torch")), owners_of(model, "torch", Constructions()), 2):
        watched = model(x)
    assert torch.equal(alone, watched)
    assert [name for name in vars(model[0].weight) if "actinit" in name] == []
