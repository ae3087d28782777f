"""Chains and their numbers: predictions against papers, measured networks and sums by hand; one rule per chain."""

from __future__ import annotations

import json
from itertools import pairwise
from math import log, log10, sqrt
from pathlib import Path

import pytest
from command import actinit_lint, write
from facts import HE, XAVIER, chain, gates, layer, link, normal, orthogonal

from actinit_lint import follow, program
from actinit_lint.checks._pair import pair_hit
from actinit_lint.model import Chain, Gates, Step
from actinit_lint.reference.activations import activation
from actinit_lint.reference.normal_form import KERAS_DEFAULT, TORCH_DEFAULT, Initializer, constant
from actinit_lint.report.bar import bar
from actinit_lint.signal import choice, drives, predict, saturated_gates, verdict
from actinit_lint.signal.course import Block, Course, course
from actinit_lint.signal.maps import Map, map_of
from actinit_lint.signal.pairings import DEPTH, pairings
from actinit_lint.signal.standing import standing

LN10 = log(10)


def stack(name: str, gain: float, depth: int, width: int = 256, bias: float = 0.0, **more: object) -> Course:
    """`depth` layers of one width with σw² = gain, and the variance `bias` of the biases."""
    one = Block(Map(0.0, gain / width, width, width, width, 0.0, bias), activation(name), **more)  # type: ignore[arg-type]
    return course((one,) * depth)


def batch_std(found: Course, index: int) -> float:
    return 0.5 * log10(found.points[index].s)


def facts_of(code: str) -> list[object]:
    """All facts of a file."""
    (file,) = follow.follow({"net.py": program.parse(code, "net.py")}, {})
    assert file.errors == []
    return file.facts


def chains_of(code: str) -> list[Chain]:
    return [fact for fact in facts_of(code) if isinstance(fact, Chain)]


class TestCourse:
    @pytest.mark.parametrize(
        ("name", "gain", "bias", "measured"),
        [
            # log10 of the batch std of z at layers 2, 6 and 12 of real stacks of nn.Linear, torch 2.13
            ("relu", 1 / 3, 1 / 384, (-0.710, -2.405, -4.745)),  # the mean of 300 networks
            ("sigmoid", 1.0, 0.0, (-0.68, -3.19, -6.96)),
            ("gelu", 1 / 3, 1 / 384, (None, None, -6.10)),
        ],
    )
    def test_the_batch_signal_is_the_measured_one(
        self, name: str, gain: float, bias: float, measured: tuple[float | None, ...]
    ) -> None:
        found = stack(name, gain, 12, 128, bias)
        for index, value in zip((1, 5, 11), measured):
            if value is not None:
                assert batch_std(found, index) == pytest.approx(value, abs=0.03)

    @pytest.mark.parametrize(
        ("name", "gain", "bias", "depth"),
        [
            ("relu", 1 / 3, True, 9),  # torch's default: ×0.408 per layer
            ("relu", 1.0, False, 18),  # Xavier: ×0.71
            ("sigmoid", 1.0, False, 6),
            ("tanh", 1 / 3, True, 13),
            ("silu", 1 / 3, True, 7),
            ("gelu", 2.0, False, 32),
        ],
    )
    def test_the_depth_at_which_a_thousandth_is_left(self, name: str, gain: float, bias: bool, depth: int) -> None:
        extra = 1 / 768 if bias else 0.0
        assert stack(name, gain, depth, bias=extra).m <= -3
        assert stack(name, gain, depth - 1, bias=extra).m > -3

    def test_named_factors_per_layer(self) -> None:
        assert stack("relu", 1.0, 12).points[-1].backward == pytest.approx(0.5 * log10(1 / 2))
        assert stack("relu", 1 / 3, 12, bias=1 / 768).points[-1].backward == pytest.approx(0.5 * log10(1 / 6))
        assert stack("relu", 2.0, 50).gradient == pytest.approx(0, abs=1e-9)
        assert stack("sigmoid", 1.0, 12).points[-1].backward == pytest.approx(0.5 * log10(0.0557), abs=1e-3)
        assert stack("tanh", 2.0, 60).points[-1].backward == pytest.approx(0.5 * log10(1.1055), abs=1e-3)

    def test_he_2015_convolutions_of_std_001(self) -> None:
        """conv10 to conv2 of a 22-layer model: 1/(5.9·4.2²·2.9²·2.1⁴) of the gradient. He et al. 2015, section 2.3."""
        channels = [3, 64, 128, 128, 256, 256, 512, 512, 512, 512]
        blocks = tuple(
            Block(Map(0.0, 1e-4, 9 * inner, 9 * outer, inner), activation("relu"))
            for inner, outer in pairwise(channels)
        )
        derived = [sqrt(2 / (9 * c)) for c in (64, 128, 256, 512)]
        assert derived == pytest.approx([0.0589, 0.0417, 0.0295, 0.0208], abs=5e-5)
        factors = [10**-point.backward for point in course(blocks).points[1:]]
        assert factors == pytest.approx([4.17] * 2 + [2.95] * 2 + [2.08] * 4, rel=0.01)
        product = sqrt(9 * 64 * 1e-4 / 2) ** -1
        for factor in factors:
            product *= factor
        assert product == pytest.approx(1.70e4, rel=0.02)

    def test_glorot_2010_sigmoid_layers_of_torchs_default(self) -> None:
        """Std across the batch at the top of 1 to 5 layers of 200 units: 0.132, 0.0187, 0.0026, 3.7e-4, 5.2e-5."""
        found = stack("sigmoid", 1 / 3, 5, 200, 1 / 600)
        assert [10**point.forward for point in found.points[2:]] == pytest.approx([0.141] * 3, abs=5e-3)
        assert [10**point.forward for point in found.points[2:]] == pytest.approx(
            [0.0187 / 0.132, 0.0026 / 0.0187, 3.7e-4 / 0.0026], rel=0.03
        )

    @pytest.mark.parametrize(
        ("gain", "predicted", "measured"),
        [
            (1.0, -0.2757, -0.2836),
            (1.3, -0.1276, -0.1339),
            (1.76095, 0.0, -0.01),
            (2.5, 0.1253, 0.1213),
            (4.0, 0.2945, 0.3011),
        ],
    )
    def test_schoenholz_2017_gradient_of_tanh(self, gain: float, predicted: float, measured: float) -> None:
        """ln χ per layer at σb² = 0.05; 1.76095 is critical. Measured on stacks of 300 units."""
        found = stack("tanh", gain, 60, 300, 0.05).points[-1].backward * 2 * LN10
        assert found == pytest.approx(predicted, abs=1e-4)
        assert found == pytest.approx(measured, abs=0.015)

    def test_klambauer_2017_selu_keeps_its_variance_with_lecuns_alone(self) -> None:
        """33 layers of 500 units: variance 1.017 measured with LeCun's, 0.051 with torch's gain 3/4, 188 with He's."""
        assert stack("selu", 1.0, 33, 500).points[-1].q == pytest.approx(1)
        assert stack("selu", 9 / 16, 33, 500).points[-1].q < 0.06
        assert stack("selu", 2.0, 33, 500).points[-1].q > 100

    def test_layer_normalisation_does_not_heal_a_sigmoid(self) -> None:
        """Gradient variance per layer: 0.1533 measured with sigmoid, 0.9998 with ReLU (30 layers of 256)."""
        for name, factor in (("sigmoid", 0.1528), ("relu", 1.0)):
            found = stack(name, 2.0, 8, norm="layer", norm_first=True)
            assert 10 ** (2 * found.points[-1].backward) == pytest.approx(factor, abs=2e-3)

    def test_dropout_counts_as_when_training(self) -> None:
        plain, dropped = stack("relu", 2.0, 5), stack("relu", 2.0, 5, dropout=0.5)
        assert dropped.gradient - plain.gradient == pytest.approx(0.5 * 4 * log10(2))
        assert dropped.points[-1].q == pytest.approx(plain.points[-1].q * 2**4)

    def test_weights_with_a_mean_add_up(self) -> None:
        """uniform_(0, 1), 6 layers of 128: the std ratio is 6.6e8 measured; what is predicted is a lower bound."""
        one = Block(Map(0.5, 1 / 12, 128, 128, 128), activation("relu"))
        assert 7 < course((one,) * 6).signal < log10(6.6e8)

    def test_finite_widths_leave_an_uncertainty(self) -> None:
        """ln‖a‖² varies by 5·Σ1/n (Hanin & Rolnick 2018): two of its roots, in decades of std."""
        found = stack("relu", 2.0, 11, 10)
        assert found.uncertainty == pytest.approx(sqrt(5 * 10 / 10) / LN10)
        assert abs(found.signal) < found.uncertainty
        assert found.m == 0

    def test_an_activation_without_a_stable_scale_is_less_certain(self) -> None:
        """What chance does to q grows behind GELU and He's, by a decade in 50 layers; tanh brings q back."""
        assert stack("gelu", 2.0, 50).uncertainty == pytest.approx(1.1, abs=0.1)
        assert stack("tanh", 2.0, 50).uncertainty == pytest.approx(sqrt(5 * 49 / 256) / LN10)

    def test_a_scale_that_runs_away_is_decades_of_uncertainty(self) -> None:
        found = stack("relu2", 1.0, 40)
        assert 1 < found.uncertainty < 3
        assert all(0 < point.s <= point.q for point in found.points)

    def test_inputs_differ_in_length_where_they_no_longer_differ_in_direction(self) -> None:
        """log10 of the variance across the batch behind He's ReLU layers: -0.89 measured at layer 50 of 64 units, -1.36
        of 256 (means of 150 and 40 networks, torch 2.13), where the theory of infinitely many units has -1.90."""
        for width, measured in ((64, -0.89), (256, -1.36)):
            assert 2 * stack("relu", 2.0, 50, width).signal == pytest.approx(measured, abs=0.03)
        assert 2 * stack("relu", 2.0, 50, 10**7).signal == pytest.approx(-1.90, abs=0.01)

    def test_nothing_is_told_behind_a_bias_that_rules(self) -> None:
        one = Block(Map(0.0, 2 / 64, 64, 64, 64, -8.0), activation("relu"))
        assert not course((one,) * 20).trusted
        assert course((one,) * 20).m == 0

    def test_an_explosion_stays_finite(self) -> None:
        found = stack("relu", 4096.0, 200)
        assert 90 < found.m < 1000


class TestMaps:
    def test_torchs_default_and_its_bias(self) -> None:
        made = layer(TORCH_DEFAULT, fans=(784, 256), bias=TORCH_DEFAULT)
        assert map_of(made, made.weights["weight"], 64) == pytest.approx((0, 1 / 2352, 784, 256, 784, 0, 1 / 2352))

    def test_a_width_that_is_not_known_takes_the_given_one(self) -> None:
        made = layer(KERAS_DEFAULT, fans=(None, 32), framework="keras")
        found = map_of(made, made.weights["weight"], 4096)
        assert found is not None
        assert (found.fan_in, found.variance) == pytest.approx((4096, 2 / 4128))
        assert map_of(made, made.weights["weight"], 4096, 100) == pytest.approx((0, 2 / 132, 100, 32, 100, 0, 0))

    def test_keras_cuts_its_truncated_normal_at_two_standard_deviations(self) -> None:
        init = Initializer("truncated_normal", "normal", "truncated_normal", std=0.05)
        for framework, variance in (("keras", 0.0019343), ("torch", 0.0025)):
            made = layer(init, framework=framework)
            found = map_of(made, made.weights["weight"], 64)
            assert found is not None
            assert found.variance == pytest.approx(variance, rel=1e-4)

    @pytest.mark.parametrize(
        ("kind", "stride", "groups", "shape", "fans"),
        [
            ("Conv2d", 1, 1, (64, 32, 3, 3), (288, 576)),
            ("Conv2d", 2, 1, (64, 32, 3, 3), (288, 576)),  # summed over positions a stride changes nothing
            ("Conv2d", 1, 32, (32, 1, 3, 3), (9, 9)),
            ("ConvTranspose2d", 2, 1, (128, 64, 4, 4), (128 * 4, 64 * 4)),
        ],
    )
    def test_fans_are_those_of_the_operation(
        self, kind: str, stride: int, groups: int, shape: tuple[int, ...], fans: tuple[float, float]
    ) -> None:
        made = layer(HE, kind=kind, stride=stride, groups=groups)
        made.weights["weight"].shape = shape
        found = map_of(made, made.weights["weight"], 64)
        assert found is not None
        assert (found.fan_in, found.fan_out) == fans

    def test_an_unknown_number_gives_no_map(self) -> None:
        made = layer(Initializer("normal", "normal", "normal"))
        assert map_of(made, made.weights["weight"], 64) is None


class TestPredictions:
    def test_a_chain_by_hand(self) -> None:
        """Std 0.1, 8 units, ReLU, no bias: σw² = 0.08, so each layer multiplies the gradient by √0.04 = 0.2."""
        found = predict(chain(normal(0.1), "relu", 5, fans=(8, 8)))
        assert found is not None
        assert found.course.gradient == pytest.approx(4 * log10(0.2))
        assert [point.q for point in found.course.points] == pytest.approx([0.08 * 0.04**n for n in range(5)])

    def test_widening_layers_lose_on_the_way_forward_what_they_gain_on_the_way_back(self) -> None:
        """Xavier over 16 → 64 → 256 units, linear enough: n_in·2/(n_in + n_out) = 0.4 forward, 1.6 back."""
        one, two = link(XAVIER, "leaky_relu", 1.0, fans=(16, 64)), link(XAVIER, "leaky_relu", 1.0, fans=(64, 256))
        found = predict(Chain((Step(one), Step(two)), "Net"))
        assert found is not None
        assert (found.course.signal, found.course.gradient) == pytest.approx(
            (0.5 * log10(0.4), 0.5 * log10(1.6)), abs=2e-3
        )

    def test_an_unknown_width_is_judged_at_both_ends(self) -> None:
        narrow = predict(chain(normal(0.02), "relu", 8, fans=(64, 64)))
        wide = predict(chain(normal(0.02), "relu", 8, fans=(4096, 4096)))
        unknown = predict(chain(normal(0.02), "relu", 8, fans=(None, None)))
        assert narrow is not None and wide is not None and unknown is not None
        assert narrow.m < -5
        assert unknown.m == wide.m > -1  # at 4096 the same spread is almost as good as He's
        assert not unknown.widths_known

    def test_a_scale_over_the_fan_needs_no_width(self) -> None:
        found = predict(chain(TORCH_DEFAULT, "relu", 12, fans=(None, None), bias=TORCH_DEFAULT))
        assert found is not None
        assert found.level == "warning"

    def test_a_dropout_of_unknown_probability_gets_the_benefit_of_the_doubt(self) -> None:
        sure, unsure = (predict(chain(HE, "relu", 30, dropout=d)) for d in ((0.5,), (None,)))
        assert sure is not None and unsure is not None
        assert sure.m > 4
        assert unsure.m == 0

    @pytest.mark.parametrize(("depth", "level"), [(2, None), (4, "info"), (9, "warning"), (16, "error")])
    def test_levels_go_by_m(self, depth: int, level: str | None) -> None:
        found = predict(chain(TORCH_DEFAULT, "relu", depth))
        assert found is not None
        assert found.level == level

    def test_who_is_to_blame(self) -> None:
        fine, lost = chain(HE, "relu", 8).steps, chain(TORCH_DEFAULT, "relu", 8).steps
        found = predict(Chain((*fine, *lost), "Net"))
        assert found is not None
        assert found.blame == "default"
        assert [choice(step) for step in chain(orthogonal(0.01), "relu", 1).steps] == ["spread"]
        assert [choice(step) for step in chain(XAVIER, "softplus", 1).steps] == ["spread"]
        assert [choice(step) for step in chain(XAVIER, "relu", 1).steps] == ["named"]

    def test_it_is_made_once(self) -> None:
        one = chain(TORCH_DEFAULT, "relu", 3)
        assert predict(one) is predict(one)
        assert verdict(one) is verdict(one)

    def test_pre_activations_of_a_link(self) -> None:
        assert drives(link(HE, "relu")) == pytest.approx([2.0, 2.0])
        assert drives(chain(HE, "relu", 3).links[2]) == pytest.approx([2.0])


class TestVerdicts:
    @pytest.mark.parametrize(
        ("made", "code"),
        [
            (chain(TORCH_DEFAULT, "relu", 12), "ACT302"),
            (chain(KERAS_DEFAULT, "relu", 24, framework="keras"), "ACT302"),
            (chain(normal(1.0), "relu", 6), "ACT401"),
            (chain(normal(1.0), "tanh", 2), "ACT401"),
            (chain(normal(0.001), "tanh", 4), "ACT402"),
            (chain(normal(0.001), "sigmoid", 4), "ACT402"),  # 404 is silent where the spread is reported
            (chain(TORCH_DEFAULT, "sigmoid", 9), "ACT404"),  # 302 is silent
            (chain(TORCH_DEFAULT, "tanh", 20), "ACT404"),
            (chain(XAVIER, "sigmoid", 3), "ACT404"),
            (chain(HE, "sigmoid", 3), "ACT404"),
            (chain(normal(0.1), "sigmoid", 3), "ACT404"),  # 402 would be an info
            (chain(HE, "relu", 6, fans=(3, 3)), "ACT405"),
            (chain(TORCH_DEFAULT, "relu", 12, fans=(3, 3)), "ACT405"),
            (chain(HE, "relu", 40), None),
            (chain(XAVIER, "relu", 12), None),  # a named mismatch is for 101
            (chain(XAVIER, "tanh", 40), None),
            (chain(XAVIER, "sigmoid", 2), None),
            (chain(HE, "leaky_relu", 6, 0.2, fans=(3, 3)), None),
            (chain(HE, "relu", 1, fans=(2, 2)), None),
            (chain(normal(1.0), "tanh", 1, fans=(4, 4)), None),
            (chain(normal(1.0), "tanh", 1, fans=(None, 4)), None),
            (chain(normal(1.0), "tanh", 1, start=None), None),
            (chain(normal(1.0), "tanh", 1, start=1e-3), None),
            (chain(XAVIER, "sigmoid", 3, normed=True, norm="layer"), "ACT404"),
            (chain(XAVIER, "tanh", 12, normed=True, norm="layer"), None),
        ],
    )  # fmt: skip
    def test_one_rule_a_chain(self, made: Chain, code: str | None) -> None:
        found = verdict(made)
        assert (found.code if found is not None else None) == code

    def test_a_default_is_never_an_error(self) -> None:
        for name in ("relu", "sigmoid"):
            found = verdict(chain(TORCH_DEFAULT, name, 40))
            assert found is not None
            assert found.level == "warning"
        chosen = verdict(chain(XAVIER, "sigmoid", 12))
        assert chosen is not None
        assert chosen.level == "error"

    def test_born_dead_is_the_probability_of_lu_2020(self) -> None:
        """1 - (1 - 2⁻²)⁶ = 0.822; of 20,000 draws of nets like these 0.883 died with nine layers (bound 0.925)."""
        for depth, bound in ((4, 0.6836), (6, 0.8220), (9, 0.9249)):
            found = verdict(chain(HE, "relu", depth, fans=(2, 2)))
            assert found is not None
            assert found.dead == pytest.approx(bound, abs=1e-4)

    def test_a_positive_bias_keeps_narrow_layers_alive(self) -> None:
        assert verdict(chain(HE, "relu", 6, fans=(3, 3), bias=constant(0.1))) is None

    def test_gates_that_start_saturated(self) -> None:
        assert saturated_gates(gates(normal(1.0), 256)) == pytest.approx(0.718, abs=1e-3)  # a state of 0.25: q = 64
        assert saturated_gates(gates(normal(0.1), 256)) is None
        assert saturated_gates(gates(XAVIER, 256)) is None

    def test_a_named_mismatch_is_an_error_where_nothing_is_left(self) -> None:
        levels = [pair_hit(chain(XAVIER, "relu", depth).links[0]).level for depth in (3, 12, 32)]
        assert levels == [None, None, "error"]
        hit = pair_hit(chain(XAVIER, "relu", 12).links[0])
        assert hit.numbers["signal_ratio"] == pytest.approx(0.0094, rel=0.01)
        assert hit.numbers["layers"] == 12
        assert str(hit.fields["rescue"]).startswith("; ×0.65 per layer leaves 0.0094 of the signal")


PLAIN = """\
from torch import nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.d = [nn.Linear(16, 16) for _ in range(4)]
        self.norm, self.drop, self.out = nn.{norm}(16), nn.Dropout(0.2), nn.Linear(16, 2)

    def forward(self, x):
{body}
        return self.out(x)
"""


def plain(*lines: str, norm: str = "BatchNorm1d") -> str:
    """A model of four equal layers, with the lines of its `forward`."""
    return PLAIN.format(body="\n".join(f"        {line}" for line in lines), norm=norm)


def lengths(*lines: str, norm: str = "BatchNorm1d") -> list[int]:
    return sorted(len(one.steps) for one in chains_of(plain(*lines, norm=norm)) if not one.modulates)


class TestBuildingChains:
    def test_each_layer_feeds_the_next(self) -> None:
        assert lengths("for f in (self.a, self.b, self.c, self.d): x = F.relu(f(x))") == [4]

    def test_dropout_pooling_and_reshapes_lie_between(self) -> None:
        found = chains_of(
            "from torch import nn\n"
            "net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.3), nn.Conv2d(8, 8, 3),"
            "nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))\n"
        )
        assert [[step.dropout for step in one.steps] for one in found] == [[(0.3,), (), ()]]

    def test_the_head_is_no_part_of_it(self) -> None:
        (one,) = chains_of(
            "from torch import nn\nnet = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1), nn.Sigmoid())\n"
        )
        assert [step.layer.path for step in one.steps] == ["0"]

    def test_a_normalisation_ends_it(self) -> None:
        assert lengths(
            "x = F.relu(self.b(F.relu(self.a(x))))", "x = self.norm(x)", "x = F.relu(self.d(F.relu(self.c(x))))"
        ) == [2, 2]
        assert lengths(
            "x = F.relu(self.a(x))", "x = F.relu(self.norm(self.b(x)))", "x = F.relu(self.d(F.relu(self.c(x))))"
        ) == [1, 2]

    def test_saturating_layers_go_on_through_layer_normalisation(self) -> None:
        lines = ("x = self.norm(self.b(self.a(x).sigmoid()).sigmoid())", "x = self.d(self.c(x).sigmoid()).sigmoid()")
        assert lengths(*lines, norm="LayerNorm") == [2, 2, 4]
        assert lengths(*lines, norm="BatchNorm1d") == [2, 2]

    def test_a_branch_point_ends_it(self) -> None:
        assert lengths("x = F.relu(self.b(F.relu(self.a(x))))", "x = F.relu(self.c(x)) * F.relu(self.d(x))") == [2]
        assert lengths("x = F.relu(self.b(F.relu(self.a(x))))", "x = self.c(x), self.d(x)", "x = x[0]") == [2]

    def test_a_short_residual_branch_is_none(self) -> None:
        branch = "x = x + F.relu(self.c(F.relu(self.b(x))))"
        assert lengths("x = F.relu(self.a(x))", branch, "x = F.relu(self.d(x))") == [1, 1]

    def test_a_chain_that_ends_in_a_gate_is_no_plain_one(self) -> None:
        assert lengths("x = x * self.c(F.relu(self.b(F.relu(self.a(x))))).sigmoid()") == []
        assert lengths("s, t = self.c(F.relu(self.b(F.relu(self.a(x))))).chunk(2, 1)", "x = s * x + t") == []

    def test_only_saturation_counts_in_a_chain_that_ends_in_a_gate(self) -> None:
        gate = "x = x * self.c(F.tanh(self.b(F.tanh(self.a(x))))).sigmoid()"
        (found,) = chains_of(plain(gate))
        assert found.modulates
        assert verdict(found) is None
        for step in found.steps:
            step.link.weight.writes[-1].initializer = normal(3.0)
        found.prediction = found.verdict = None
        judged = verdict(found)
        assert judged is not None and judged.code == "ACT401" and judged.saturated is not None

    def test_a_layer_that_is_applied_to_its_own_output_is_none(self) -> None:
        assert lengths("for _ in range(6): x = F.relu(self.a(x))") == []

    def test_a_model_that_is_applied_twice_counts_once(self) -> None:
        code = plain("x = F.relu(self.b(F.relu(self.a(x))))")
        assert len(chains_of(code + "\nnet = Net()\ny = net(a), net(b)\n")) == 1

    def test_an_undecided_dropout_may_be_there_or_not(self) -> None:
        code = plain("x = F.relu(self.a(x))", "if self.training: x = self.drop(x)", "x = F.relu(self.b(x))")
        (one,) = chains_of(code)
        assert [step.dropout for step in one.steps] == [(None,), ()]

    def test_an_undecided_normalisation_ends_it(self) -> None:
        assert lengths("x = F.relu(self.a(x))", "if self.training: x = self.norm(x)", "x = F.relu(self.b(x))") == [1, 1]

    def test_an_unknown_initialiser_ends_it(self) -> None:
        code = plain("for f in (self.a, self.b, self.c, self.d): x = F.relu(f(x))")
        code = code.replace(
            "        self.norm,", "        nn.init.normal_(self.b.weight, std=spread())\n        self.norm,"
        )
        assert sorted(len(one.steps) for one in chains_of(code)) == [1, 2]

    def test_what_an_embedding_feeds(self) -> None:
        (one,) = chains_of(
            "from torch import nn\n"
            "table = nn.Embedding(10, 16)\n"
            "nn.init.normal_(table.weight, std=0.1)\n"
            "net = nn.Sequential(table, nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))\n"
        )
        assert one.start == pytest.approx(0.01)

    def test_the_cells_of_recurrent_layers(self) -> None:
        found = facts_of(
            "import torch\nfrom torch import nn\n"
            "class Net(nn.Module):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.rnn, self.out = nn.GRU(8, 16), nn.Linear(16, 1)\n"
            "    def forward(self, x):\n"
            "        return self.out(self.rnn(x)[0])\n"
        )
        weights = [(fact.weight.name, fact.names, fact.fan_in, fact.start) for fact in found if isinstance(fact, Gates)]
        assert weights == [
            ("weight_ih_l0", ("sigmoid", "tanh"), 8, 1.0),
            ("weight_hh_l0", ("sigmoid", "tanh"), 16, None),
        ]

    def test_a_cell_written_by_hand(self) -> None:
        found = facts_of(
            "import torch\nfrom torch import nn\n"
            "class Cell(nn.Module):\n"
            "    def __init__(self, n=32):\n"
            "        super().__init__()\n"
            "        self.w, self.out = nn.Parameter(torch.randn(3 * n, n)), nn.Linear(n, 1)\n"
            "    def forward(self, x, h):\n"
            "        r, z, c = torch.nn.functional.linear(x, self.w).chunk(3, 1)\n"
            "        return self.out(torch.sigmoid(z) * h + torch.sigmoid(r) * torch.tanh(c))\n"
        )
        (one,) = [fact for fact in found if isinstance(fact, Gates)]
        assert (one.names, one.fan_in, one.start) == (("sigmoid", "tanh"), 32, 1.0)


class TestMeasuredNetworks:
    """log10 of std ratios in networks built with torch 2.13, N(0, 1) inputs, evaluation mode."""

    def test_alexnet(self) -> None:
        """Batch signal, measured: -0.48, -0.98, -1.41, -1.83, -2.27 and -2.67 at the second to seventh layer."""
        (one,) = chains_of(
            "from torch import nn\n"
            "net = nn.Sequential(nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),\n"
            "  nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),\n"
            "  nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),\n"
            "  nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),\n"
            "  nn.AdaptiveAvgPool2d(6), nn.Flatten(),\n"
            "  nn.Linear(9216, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000))\n"
        )
        found = predict(one)
        assert found is not None
        total = [sum(point.forward for point in found.course.points[: n + 1]) for n in range(1, 7)]
        assert total == pytest.approx([-0.48, -0.98, -1.41, -1.83, -2.27, -2.67], abs=0.06)

    def test_a_chain_of_strided_convolutions_in_front_of_silu(self) -> None:
        """Measured: -3.26 for the batch signal, -2.61 for the gradient summed over positions."""
        (one,) = chains_of(
            "from torch import nn\n"
            "layers, before = [], 3\n"
            "for ch, stride in ((16, 1), (16, 1), (32, 2), (32, 1), (96, 2), (96, 1), (256, 2)):\n"
            "    layers += [nn.Conv2d(before, ch, 3, stride=stride, padding=1), nn.SiLU()]\n"
            "    before = ch\n"
            "net = nn.Sequential(*layers, nn.Conv2d(256, 4, 3))\n"
        )
        found = predict(one)
        assert found is not None
        assert (found.course.signal, found.course.gradient) == pytest.approx((-3.26, -2.61), abs=0.1)


class TestShowing:
    def test_where_a_layer_stands(self) -> None:
        """Std 0.1, 8 units, ReLU: ×0.2 per layer for the gradient, which is counted from the last layer."""
        one = chain(normal(0.1), "relu", 5, fans=(8, 8))
        first, last = standing(one.links[0]), standing(one.links[4])
        assert first is not None and last is not None
        assert (first.position, first.layers, first.signal, first.factor) == (0, 5, 0, 0)
        assert first.gradient == pytest.approx(4 * log10(0.2))
        assert (last.position, last.gradient) == (4, 0)
        assert last.signal == pytest.approx(sum(standing(link).factor for link in one.links))  # type: ignore[union-attr]
        assert standing(link(HE, "relu")) is None

    @pytest.mark.parametrize(
        ("decades", "text"),
        [(0.0, "######"), (-2.0, "####.."), (-9.0, "......"), (2.2, "######++"), (-0.4, "######")],
    )
    def test_bars(self, decades: float, text: str) -> None:
        assert bar(decades, unicode=False) == text

    def test_the_table_has_factors_and_what_is_left(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": plain("for f in (self.a, self.b, self.c, self.d): x = F.relu(f(x))")})
        rows = {
            line.split()[0]: line for line in actinit_lint("show", tmp_path / "net.py").out.splitlines() if line.strip()
        }
        assert "×0." not in rows["a"]
        assert "×0.34 ██████ 0.34" in rows["b"]
        assert "█" not in rows["out"]
        document = json.loads(actinit_lint("show", tmp_path / "net.py", "--output-format", "json").out)
        a, *_, d, out = document["files"][0]["models"][0]["layers"]
        assert (a["signal"]["signal_ratio"], d["signal"]["gradient_ratio"], out["signal"]) == (1, 1, None)
        assert a["signal"]["gradient_ratio"] == pytest.approx((1 / 6) ** 1.5, rel=1e-6)

    def test_the_matrix_of_pairings(self) -> None:
        cells = {(cell.activation, cell.initializer): cell for cell in pairings()}
        for activation_, initializer, factor, depth in (  # measured on stacks of 256 units, one layer more or less
            ("relu", "torch default", 0.408, 9),
            ("relu", "xavier", 0.707, 18),
            ("relu", "he", 1.0, None),
            ("gelu", "he", 0.770, 32),
            ("silu", "he", 0.752, 24),
            ("sigmoid", "xavier", 0.233, 6),
            ("tanh", "xavier", 0.958, None),
            ("selu", "xavier", 1.035, None),
            ("relu", "std 1", 11.314, 4),
        ):
            cell = cells[activation_, initializer]
            assert (cell.gradient, cell.lost_at) == (pytest.approx(factor, rel=0.01), depth)
        assert DEPTH == 50

    def test_show_pairings(self) -> None:
        result = actinit_lint("show", "--pairings")
        assert result.code == 0
        (row,) = [line for line in result.out.splitlines() if line.strip().startswith("relu ")]
        assert "×0.408 @9" in row
        document = json.loads(actinit_lint("show", "--pairings", "--output-format", "json").out)
        assert {"initializer", "activation", "gradient_per_layer", "lost_at"} <= document["pairings"][0].keys()

    def test_pairings_and_paths_exclude_each_other(self) -> None:
        for argv in (("show",), ("show", "--pairings", "net.py")):
            assert actinit_lint(*argv).code == 2
