"""`probe.inspect` in the caller's own process, and the pytest example of docs/probe.md."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from actinit_lint import probe  # noqa: E402
from actinit_lint.probe.inspection import ProbeFindings  # noqa: E402

torch.set_num_threads(1)
ROOT = Path(__file__).resolve().parent.parent


def mlp(depth: int, std: float | None = None) -> Any:
    torch.manual_seed(0)
    layers: list[Any] = []
    for _ in range(depth):
        layers += [nn.Linear(32, 32), nn.ReLU()]
        if std is None:
            nn.init.kaiming_normal_(layers[-2].weight, nonlinearity="relu")
        else:
            nn.init.normal_(layers[-2].weight, std=std)
    return nn.Sequential(*layers, nn.Linear(32, 4))


def test_a_healthy_model_has_no_findings() -> None:
    report = probe.inspect(mlp(6))
    report.raise_for_findings()
    assert report.findings == ()


def test_a_fading_one_raises_with_a_line_for_each_finding() -> None:
    with pytest.raises(
        ProbeFindings, match=r"^Sequential: ACT703 vanishing-gradient: In Sequential a chain of 8 layers"
    ):
        probe.inspect(mlp(8, std=0.01)).raise_for_findings()


def test_it_is_an_assertion_so_that_pytest_shows_it_as_one() -> None:
    assert issubclass(ProbeFindings, AssertionError)


def test_a_level_may_be_asked_for() -> None:
    report = probe.inspect(mlp(5, std=0.025))
    assert {one.level for one in report.findings} <= {"info", "warning"}
    report.raise_for_findings(level="error")


def test_the_model_and_the_random_state_are_left_as_they_were() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 2)).eval()
    model[0].weight.grad = torch.ones(8, 8)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    probe.inspect(model)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.equal(model[0].weight.grad, torch.ones(8, 8))
    assert model[4].weight.grad is None
    assert not model.training
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    "inputs",
    [
        pytest.param(torch.ones(16, 32), id="a tensor"),
        pytest.param((torch.ones(16, 32),), id="a tuple"),
        pytest.param({"input": torch.ones(16, 32)}, id="a dictionary"),
        pytest.param([torch.ones(16, 32), torch.zeros(8, 32)], id="a list of batches"),
    ],
)
def test_inputs_may_be_given(inputs: Any) -> None:
    measurement = probe.inspect(mlp(2), inputs).measurement
    assert {run.batch for run in measurement.runs} <= {8, 16}


def test_a_loss_may_be_given() -> None:
    target = torch.zeros(16, dtype=torch.long)
    seen = []

    def loss(output: Any) -> Any:
        seen.append(output.shape)
        return nn.functional.cross_entropy(output, target)

    probe.inspect(mlp(2), torch.randn(16, 32), loss)
    assert set(seen) == {(16, 4)}


def test_the_table_has_a_row_for_each_layer() -> None:
    shown = str(probe.inspect(mlp(3)))
    assert re.findall(r"^ (\d) +relu", shown, re.MULTILINE) == ["0", "2", "4"]


def test_what_cannot_be_fed_is_said() -> None:
    class Odd(nn.Module):
        def forward(self, graph: Any) -> Any:
            return graph.nodes

    with pytest.raises(ValueError, match="give inputs="):
        probe.inspect(Odd())
    with pytest.raises(TypeError, match="expected a torch module or a Keras model, got list"):
        probe.inspect([])


def test_the_documented_test_module_passes(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "probe.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "test_model.py").write_text(example, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    assert "2 passed" in run.stdout
