"""Tutorial-style files as people write them: which of their models run with no configuration.

`models/held_out` was written before the inference was tuned on `models` and has not been used for tuning: its share is
asserted apart.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from actinit_lint.probe.subject import Job, Limits, Result, RunOptions
from actinit_lint.probe.supervisor import run

pytest.importorskip("torch")
pytest.importorskip("keras")

HERE = Path(__file__).parent
TUNED = sorted((HERE / "models").glob("*.py"))
HELD_OUT = sorted((HERE / "models" / "held_out").glob("*.py"))
#: How a run without configuration says what it assumed: model → what its arguments or inputs must read.
ASSUMED = {
    "mnist_cnn_main.py::Net": "x: float32[N, 1, 28, 28]",
    "gpt_mini.py::GPT": "GPT(config=GPTConfig())",
    "dqn.py::DQN": "DQN(n_observations=64, n_actions=64)",
    "char_rnn.py::CharRNN": "hidden: float32[2, N, 100]",
    "vgg_config.py::VGG": "VGG(vgg_name='VGG8')",
    "cifar_resnet.py::ResNet": "ResNet(block=BasicBlock, num_blocks=[3, 3, 3])",
    "keras_sequential_script.py::model": "input: float32[N, 28, 28, 1]",
    "next_token_wrapper.py::NextToken": "NextToken(net=TokenModel(num_tokens=100, stack=CausalStack(dim=64, depth=2)))",
    "recommender.py::MF": "n_users = 100",
    "optional_in_name.py::Stages": "Stages(layers=[2, 2], groups=1, widths=[64, 64])",
}


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    """All files in one run, by one warm child."""
    limits = Limits(run_seconds=400)
    options = RunOptions(limits=limits, measure=str(HERE / "forward_backward.py"))
    found = run([Job(str(path)) for path in (*TUNED, *HELD_OUT)], options)
    return {f"{Path(result.path).name}::{result.name}": result for result in found}


def share(results: dict[str, Result], files: list[Path]) -> tuple[float, list[str]]:
    names = {path.name for path in files}
    of = {key: result for key, result in results.items() if key.partition("::")[0] in names}
    failed = [f"{key}: {result.not_probed}" for key, result in of.items() if result.not_probed is not None]
    return 1 - len(failed) / len(of), failed


def test_there_are_as_many_files_as_said() -> None:
    assert len(TUNED) >= 25
    assert len(HELD_OUT) == 15


def test_root_models_run_without_configuration(results: dict[str, Result]) -> None:
    ran, failed = share(results, [*TUNED, *HELD_OUT])
    assert ran >= 0.85, failed


def test_root_models_that_nothing_was_tuned_on_run_without_configuration(results: dict[str, Result]) -> None:
    ran, failed = share(results, HELD_OUT)
    assert ran >= 0.85, failed


def test_every_model_gets_weights_of_its_own_at_each_build(results: dict[str, Result]) -> None:
    same = []
    for name, result in results.items():
        if result.measurement is not None:
            first, second = result.measurement["runs"]
            assert first["parameters"] == second["parameters"], name
            if first["weights"] == second["weights"] and first["weights"]:
                same.append(name)
    assert not same


@pytest.mark.parametrize("name", ASSUMED)
def test_what_was_assumed_is_said(name: str, results: dict[str, Result]) -> None:
    result = results[name]
    assert result.not_probed is None
    assert ASSUMED[name] in [assumption.text for assumption in result.assumptions]


def test_a_block_inside_a_root_that_ran_is_not_probed_again(results: dict[str, Result]) -> None:
    names = set(results)
    assert "unet.py::UNet" in names
    assert not names & {"unet.py::DoubleConv", "unet.py::Down", "gpt_mini.py::Block", "cifar_resnet.py::BasicBlock"}
    assert any(covered.endswith("unet.py::DoubleConv") for covered in results["unet.py::UNet"].covers)


def test_a_guessed_depth_is_said(results: dict[str, Result]) -> None:
    assert results["vit_small.py::VisionTransformer"].depth_assumed
    assert results["keyword_wrapper.py::Encoder"].depth_assumed
    assert results["next_token_wrapper.py::NextToken"].depth_assumed
    assert not results["cifar_resnet.py::ResNet"].depth_assumed
    assert not results["gpt_mini.py::GPT"].depth_assumed
