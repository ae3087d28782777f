"""What the probe makes of findings: verdicts, evidence, the remedy's effect, and findings of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
from command import actinit_lint, write
from in_process import probed

from actinit_lint.pages import pages
from actinit_lint.probe import supervisor


def chain(depth: int, init: str = "", activation: str = "relu", width: int = 64, bias: str = "") -> str:
    """A plain network; `init` and `bias` are statements about a `layer`."""
    lines = [f"            {line}" for line in (init, bias) if line]
    loop = ["        for layer in self.layers:", *lines] if lines else []
    return "\n".join(
        [
            "import torch",
            "from torch import nn",
            "",
            "",
            "class Net(nn.Module):",
            "    def __init__(self):",
            "        super().__init__()",
            f"        self.layers = nn.ModuleList([nn.Linear({width}, {width}) for _ in range({depth})])",
            f"        self.head = nn.Linear({width}, 4)",
            *loop,
            "",
            "    def forward(self, x):",
            "        for layer in self.layers:",
            f"            x = torch.{activation}(layer(x))",
            "        return self.head(x)",
            "",
        ]
    )


#: A method that the linter cannot follow, and what calls it: every weight and bias doubled in variance.
DOUBLE = """\
    def double(self):
        return [p.data.mul_(2**0.5) for p in self.parameters()]

"""
CALL = "        vars(type(self))['double'](self)\n"


class TestVerdicts:
    @pytest.mark.parametrize(
        ("code", "source"),
        [
            ("ACT101", chain(3, "nn.init.xavier_normal_(layer.weight)")),
            ("ACT102", chain(3, 'nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")', "tanh")),
            ("ACT103", chain(3, "nn.init.orthogonal_(layer.weight)")),
            ("ACT104", chain(3, activation="selu")),
            ("ACT201", chain(3, "nn.init.zeros_(layer.weight)")),
            ("ACT202", chain(3, "nn.init.constant_(layer.weight, 0.1)", "tanh", bias="nn.init.zeros_(layer.bias)")),
            ("ACT302", chain(12)),
            ("ACT401", chain(3, "nn.init.normal_(layer.weight)", "tanh")),
            ("ACT401", chain(5, "nn.init.normal_(layer.weight)")),
            ("ACT402", chain(5, "nn.init.normal_(layer.weight, std=0.01)", bias="nn.init.zeros_(layer.bias)")),
            ("ACT403", chain(2, bias="nn.init.constant_(layer.bias, -9.0)")),
            ("ACT404", chain(4, activation="sigmoid")),
            ("ACT405", chain(5, width=2)),
            ("ACT503", chain(2).replace("torch.relu(layer(x))", "torch.softmax(layer(x), dim=-1)")),
        ],
        ids=lambda value: value if value.startswith("ACT") else "",
    )
    def test_a_mistake_is_confirmed(self, monkeypatch: Any, tmp_path: Path, code: str, source: str) -> None:
        result = probed(monkeypatch, tmp_path, source)
        found = [one for one in result.json["findings"] if one["code"] == code]
        assert [one["probe"]["verdict"] for one in found] == ["confirmed"] * len(found) and found, result.out
        assert re.search(r"\d", found[0]["probe"]["evidence"])
        assert found[0]["probe"]["outlook"] in ("harmless", "slow", "dead")

    def test_a_pair_has_numbers_predicted_measured_and_cured(self, monkeypatch: Any, tmp_path: Path) -> None:
        (found,) = probed(monkeypatch, tmp_path, chain(3, "nn.init.xavier_normal_(layer.weight)")).json["findings"]
        probe = found["probe"]
        assert probe["predicted"] == pytest.approx(0.5**0.5, rel=0.15)
        assert probe["measured"] == pytest.approx(probe["predicted"], rel=0.15)
        assert probe["cured"] == pytest.approx(1, rel=0.15)
        assert probe["outlook"] == "harmless"

    def test_a_chain_has_them_in_decades(self, monkeypatch: Any, tmp_path: Path) -> None:
        (found,) = probed(monkeypatch, tmp_path, chain(12)).json["findings"]
        probe = found["probe"]
        assert probe["predicted"] == pytest.approx(found["numbers"]["m"])
        assert probe["measured"] == pytest.approx(probe["predicted"], abs=0.5)
        assert abs(probe["cured"]) < 1
        assert probe["outlook"] == "slow"
        assert set(probe["chain"]) == {"signal", "gradient"}

    @pytest.mark.parametrize(
        "source",
        [
            chain(8, "nn.init.xavier_normal_(layer.weight)"),
            chain(5, "nn.init.normal_(layer.weight)"),
            chain(5, "nn.init.normal_(layer.weight, std=0.01)", bias="nn.init.zeros_(layer.bias)"),
        ],
        ids=["ACT101", "ACT401", "ACT402"],
    )
    def test_the_remedies_heal_the_whole_chain(self, monkeypatch: Any, tmp_path: Path, source: str) -> None:
        result = probed(monkeypatch, tmp_path, source)
        (found,) = result.json["findings"]
        before, after = found["probe"]["chain"], found["probe"]["cured_chain"]
        assert set(after) == {"signal", "gradient"}
        assert all(abs(m) < 0.6 < abs(before[name]) for name, m in after.items())

    def test_the_report_shows_the_chain_before_and_after(self, monkeypatch: Any, tmp_path: Path) -> None:
        source = chain(5, "nn.init.normal_(layer.weight)")
        out = " ".join(probed(monkeypatch, tmp_path, source, "--output-format", "full").out.split())
        shown = re.search(r"chain with the remedies: signal ×(\S+) → ×(\S+), gradient ×(\S+) → ×(\S+)", out)
        assert shown is not None, out
        before, after, back_before, back_after = map(float, shown.groups())
        assert before > 100 and back_before > 100 and 0.2 < after < 5 and 0.2 < back_after < 5

    def test_a_chain_through_norms_is_measured_too(self, monkeypatch: Any, tmp_path: Path) -> None:
        plain = chain(12, activation="sigmoid")
        normed = plain.replace("layer(x))", "nn.functional.layer_norm(layer(x), (64,)))")
        (found,) = probed(monkeypatch, tmp_path, normed).json["findings"]
        assert (found["code"], found["probe"]["verdict"]) == ("ACT404", "confirmed")
        assert found["probe"]["chain"]["gradient"] < -4

    def test_what_the_code_makes_up_for_is_not_observed(self, monkeypatch: Any, tmp_path: Path) -> None:
        source = chain(3, "nn.init.xavier_normal_(layer.weight)")
        made_up = source.replace("    def forward(self, x):\n", f"{DOUBLE}    def forward(self, x):\n{CALL}")
        (found,) = probed(monkeypatch, tmp_path, made_up).json["findings"]
        assert (found["code"], found["probe"]["verdict"]) == ("ACT101", "not-observed")
        assert found["probe"]["measured"] > 1.15 * found["probe"]["predicted"]

    def test_a_model_that_does_not_run_has_the_reason(self, monkeypatch: Any, tmp_path: Path) -> None:
        source = chain(3, "nn.init.xavier_normal_(layer.weight)").replace(
            "        super", "        1 / 0\n        super"
        )
        result = probed(monkeypatch, tmp_path, source)
        probes = [one["probe"] for one in result.json["findings"]]
        assert [(one["verdict"], one["evidence"]) for one in probes] == [("not-probed", "division by zero")]
        assert result.code == 1

    def test_a_line_that_did_not_run_says_so(self, monkeypatch: Any, tmp_path: Path) -> None:
        source = chain(3, "nn.init.xavier_normal_(layer.weight)")
        first = "    def forward(self, x):\n"
        early = source.replace(first, f"{first}        if x.dim() == 2:\n            return self.head(x)\n")
        (found,) = probed(monkeypatch, tmp_path, early).json["findings"]
        probe = found["probe"]
        assert probe["verdict"] == "not-probed"
        assert probe["evidence"] == "this line did not run with the inferred input"

    def test_a_rule_about_code_is_not_probed(self, monkeypatch: Any, tmp_path: Path) -> None:
        source = chain(2).replace("(layer(x))", "(torch.relu(layer(x)))")
        findings = probed(monkeypatch, tmp_path, source).json["findings"]
        assert {(one["code"], one["probe"]["verdict"]) for one in findings} == {("ACT502", "not-probed")}
        assert findings[0]["probe"]["evidence"].startswith("ACT502 is about the code")

    def test_models_of_one_name_in_two_files_are_told_apart(self, monkeypatch: Any, tmp_path: Path) -> None:
        he = 'nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")'
        write(tmp_path, {"other.py": chain(3, he, "tanh"), "good.py": chain(3, he)})
        probed(monkeypatch, tmp_path, chain(3, "nn.init.xavier_normal_(layer.weight)"))
        found = actinit_lint("check", "--probe", "--isolated", "--output-format", "json", tmp_path).json["findings"]
        verdicts = {(Path(one["path"]).name, one["code"]): one["probe"]["verdict"] for one in found}
        assert verdicts == {("net.py", "ACT101"): "confirmed", ("other.py", "ACT102"): "confirmed"}
        factors = {one["code"]: one["probe"]["measured"] for one in found}
        assert factors["ACT101"] == pytest.approx(0.5**0.5, rel=0.15)

    def test_without_the_option_there_is_no_probe(self, tmp_path: Path) -> None:
        write(tmp_path, {"net.py": chain(12)})
        found = actinit_lint("check", "--isolated", "--no-cache", "--output-format", "json", tmp_path / "net.py").json
        assert [one["probe"] for one in found["findings"]] == [None]

    def test_the_full_report_says_it_in_a_line(self, monkeypatch: Any, tmp_path: Path) -> None:
        out = probed(monkeypatch, tmp_path, chain(12), "--output-format", "full").out
        said = r"= probe: confirmed, training will be slow: signal ×\S+ over 12 layers measured, ×\S+ predicted"
        assert re.search(said, out)


def examples() -> list[Any]:
    """(code, source) of the example of every measured rule's page."""
    found = []
    for code, page in pages().items():
        if code.startswith("ACT7"):
            source = re.search(r"^```python\n(.*?)^```", page.body, re.MULTILINE | re.DOTALL)
            assert source is not None
            found.append(pytest.param(code, source.group(1), id=code))
    return found


class TestMeasuredRules:
    @pytest.mark.parametrize(("code", "source"), examples())
    def test_a_page_s_example_is_reported(self, monkeypatch: Any, tmp_path: Path, code: str, source: str) -> None:
        result = probed(monkeypatch, tmp_path, source)
        loud = [one["code"] for one in result.json["findings"] if one["severity"] != "info"]
        assert code in loud, result.out
        assert set(loud) == {code}
        assert result.code == 1
        found = next(one for one in result.json["findings"] if one["code"] == code)
        assert "None" not in found["message"] and found["model"] and found["line"] > 1

    def test_a_finding_of_the_code_stands_for_its_symptoms(self, monkeypatch: Any, tmp_path: Path) -> None:
        source = chain(8, "nn.init.normal_(layer.weight, std=0.001)")
        assert probed(monkeypatch, tmp_path, source).codes == ["ACT402"]

    def test_they_are_selected_ignored_and_suppressed_like_any_other(self, monkeypatch: Any, tmp_path: Path) -> None:
        page = next(param.values[1] for param in examples() if param.values[0] == "ACT704")
        json = ("--output-format", "json")
        assert probed(monkeypatch, tmp_path, page, *json).codes == ["ACT704"]
        assert probed(monkeypatch, tmp_path, page, *json, "--ignore", "exploding-signal").codes == []
        assert probed(monkeypatch, tmp_path, page, *json, "--config", 'levels = {ACT704 = "info"}').codes == []
        line = next(line for line in page.splitlines() if "ModuleList" in line)
        quiet = page.replace(line, f"{line}  # actinit: ignore[ACT704] on purpose")
        result = probed(monkeypatch, tmp_path, quiet, *json)
        assert [one["suppressed"] is not None for one in result.json["findings"]] == [True]
        assert result.code == 0


class TestVerb:
    def run(self, monkeypatch: Any, folder: Path, source: str, *argv: str) -> Any:
        from in_process import run

        monkeypatch.setattr(supervisor, "run", run)
        monkeypatch.setattr(supervisor, "available", lambda python=None: None)
        write(folder, {"net.py": source})
        return actinit_lint("probe", "--isolated", *argv)

    def test_a_model_has_a_table_with_measured_beside_predicted(self, monkeypatch: Any, tmp_path: Path) -> None:
        result = self.run(monkeypatch, tmp_path, chain(12), str(tmp_path / "net.py"))
        assert result.code == 1
        assert re.search(r"net\.py:Net \(\d+\.\d s\)", result.out)
        (row,) = re.findall(r"layers\.11 +(\S+) +relu +\d+% +\S+ (\S+) +(\S+) +\S+ 1 +1", result.out)
        assert row[0] == "torch_default"
        assert float(row[1]) == pytest.approx(float(row[2]), rel=1)
        assert result.out.rstrip().endswith("1 model measured. 1 finding of the code: 1 confirmed.")

    def test_json_has_the_measurement(self, monkeypatch: Any, tmp_path: Path) -> None:
        found = self.run(monkeypatch, tmp_path, chain(3), str(tmp_path / "net.py"), "--output-format", "json").json
        (model,) = found["models"]
        assert model["name"] == "Net"
        assert len(model["measurement"]["layers"]) == 4

    def test_one_model_may_be_named(self, monkeypatch: Any, tmp_path: Path) -> None:
        both = chain(3) + chain(3).split("from torch import nn\n")[1].replace("Net", "Other")
        result = self.run(monkeypatch, tmp_path, both, f"{tmp_path / 'net.py'}::Other")
        assert ":Other (" in result.out and ":Net (" not in result.out

    def test_an_unknown_model_is_the_user_s_mistake(self, monkeypatch: Any, tmp_path: Path) -> None:
        result = self.run(monkeypatch, tmp_path, chain(3), f"{tmp_path / 'net.py'}::Nett")
        assert result.code == 2
        assert re.search(r'error: no model "Nett" in \S+net\.py', result.err)

    def test_a_model_that_does_not_run_changes_no_exit_code(self, monkeypatch: Any, tmp_path: Path) -> None:
        source = chain(3).replace("        super", "        1 / 0\n        super")
        result = self.run(monkeypatch, tmp_path, source, str(tmp_path / "net.py"))
        assert result.code == 0
        assert "net.py:Net: not probed: division by zero" in result.out

    def test_a_python_without_framework_is_one_line(self, monkeypatch: Any, tmp_path: Path) -> None:
        monkeypatch.setattr(supervisor, "available", lambda python=None: "PyTorch is not installed in this Python")
        write(tmp_path, {"net.py": chain(3)})
        result = actinit_lint("probe", "--isolated", tmp_path / "net.py")
        assert (result.code, result.out) == (2, "")
        assert result.err == "actinit-lint: error: probe: PyTorch is not installed in this Python\n"

    @pytest.mark.parametrize(
        ("config", "said"),
        [
            ('probe = {"net.py" = {}}', 'probe."net.py": expected a file and a model, "models.py::Net"'),
            ('probe = {"net.py::Net" = {arg = []}}', 'unknown setting "probe[...].arg" (did you mean "args"?)'),
        ],
    )
    def test_a_wrong_setting_is_named(self, monkeypatch: Any, tmp_path: Path, config: str, said: str) -> None:
        result = self.run(monkeypatch, tmp_path, chain(3), str(tmp_path / "net.py"), "--config", config)
        assert result.code == 2
        assert said in result.err


def test_a_notebook_is_run_as_its_program(monkeypatch: Any, tmp_path: Path) -> None:
    from in_process import run

    monkeypatch.setattr(supervisor, "run", run)
    monkeypatch.setattr(supervisor, "available", lambda python=None: None)
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["A network"]},
        {
            "cell_type": "code",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": ["%matplotlib inline\n", *chain(12).splitlines(keepends=True)],
        },
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    write(tmp_path, {"net.ipynb": json.dumps(notebook)})
    result = actinit_lint("check", "--probe", "--isolated", "--output-format", "json", tmp_path / "net.ipynb")
    (found,) = result.json["findings"]
    assert (found["code"], found["cell"], found["probe"]["verdict"]) == ("ACT302", 2, "confirmed")


def test_the_whole_way_through_processes_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"net.py": chain(12)})
    result = actinit_lint("check", "--probe", "--isolated", "--output-format", "json", tmp_path / "net.py")
    (found,) = result.json["findings"]
    assert (result.code, found["code"], found["probe"]["verdict"]) == (1, "ACT302", "confirmed")
    assert abs(found["probe"]["cured"]) < 1
