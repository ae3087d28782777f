"""What the probe's observation costs: forward and backward of three networks, observed over plain, and time a model.

Building the network is part of neither side. Both kinds take turns in one process on one thread, as the probe runs,
and which goes first changes from round to round; times are CPU time. A row has the least time of each kind with their
ratio, which other programs disturb least, and the median ratio of the rounds, which is held to the target. Below, the
seconds a model of a run over small files takes after the import.

    python benchmarks/probe_cost.py [FILE.py ...]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from statistics import median

import torch
from torch import Tensor, nn

from actinit_lint.probe.measurement import Measurement
from actinit_lint.probe.observe.places import Constructions, recorded
from actinit_lint.probe.session import Session, projection
from actinit_lint.probe.subject import Job, Limits, RunOptions, Subject
from actinit_lint.probe.supervisor import run

#: Targets: observed over plain, and seconds a model.
MOST_RATIO, MOST_SECONDS = 1.5, 1.0
ROUNDS, WARM_UP = 30, 3


def mlp() -> nn.Module:
    layers: list[nn.Module] = []
    for _ in range(6):
        layers += [nn.Linear(512, 512), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(512, 10))


class Block(nn.Module):
    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outer)
        self.skip = nn.Identity() if inner == outer else nn.Conv2d(inner, outer, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.skip(x))


def resnet() -> nn.Module:
    widths = (64, 64, 64, 128, 128, 256, 256, 512, 512)
    blocks = [Block(a, b, 1 if a == b else 2) for a, b in pairwise(widths)]
    stem = (nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def transformer() -> nn.Module:
    layer = nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True)
    return nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int, tuple[int, ...]]] = {
    "MLP 6 x 512, N = 64": (mlp, 64, (512,)),
    "ResNet-18 at 32 px, N = 4": (resnet, 4, (3, 32, 32)),
    "transformer 4 x 128, N = 4, T = 64": (transformer, 4, (64, 128)),
}


def plain(session: Session, model: nn.Module, batch: int) -> None:
    """What an observed run does besides observing: feed, run forward, and back from a random projection."""
    model.zero_grad()
    args, kwargs = session.feed(0, batch, "normal")
    objective = projection([session.call(model, args, kwargs)], 0)
    assert objective is not None
    objective.backward()


def cost(name: str) -> tuple[float, float, float]:
    """(least seconds plain, least seconds observed, median of the rounds' ratios)."""
    build, batch, shape = NETWORKS[name]
    subject = Subject(name, __file__, 1, "torch", build, lambda n, _: ((torch.randn(n, *shape),), {}))
    bare: list[float] = []
    observed: list[float] = []
    recording: AbstractContextManager[Constructions] = recorded()
    with recording as constructions:
        session = Session(subject, Measurement("torch"), constructions)
        model = session.model(0)
        kinds = [
            (bare, lambda: plain(session, model, batch)),
            (observed, lambda: session.run(0, batch, "normal", model=model)),
        ]
        for number in range(WARM_UP + ROUNDS):
            for times, work in kinds if number % 2 else reversed(kinds):
                start = time.process_time()
                work()
                if number >= WARM_UP:
                    times.append(time.process_time() - start)
    return min(bare), min(observed), median(one / other for one, other in zip(observed, bare, strict=True))


def seconds_a_model(files: Sequence[str]) -> tuple[int, float]:
    """How many models of the files ran, and the wall time each of them took."""
    options = RunOptions(limits=Limits(run_seconds=600))
    results = [one for one in run([Job(file) for file in files], options) if one.not_probed is None]
    return len(results), sum(one.seconds for one in results) / max(1, len(results))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="model files to probe for the time that a model takes")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    failed = False
    print(f"{'forward and backward':36}{'plain':>10}{'observed':>10}{'ratio':>8}{'median ratio':>14}")
    for name in NETWORKS:
        bare, observed, ratio = cost(name)
        failed |= ratio > MOST_RATIO
        print(f"{name:36}{1000 * bare:>7.1f} ms{1000 * observed:>7.1f} ms{observed / bare:>8.2f}{ratio:>14.2f}")
    if options.files:
        models, seconds = seconds_a_model(options.files)
        failed |= seconds > MOST_SECONDS
        print(f"\n{models} models ran, {seconds:.2f} s each")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
