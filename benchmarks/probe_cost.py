"""What the probe's observation costs: forward and backward of three networks, observed over plain, and time a model.

The network is built anew for each measurement, seeded alike, and both kinds alternate in one process on one thread; a
row is the median ratio of CPU time. Below it, the seconds a model of a run over small files takes after the import.

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
from actinit_lint.probe.observe.places import recorded
from actinit_lint.probe.session import Session
from actinit_lint.probe.subject import Job, Limits, RunOptions, Subject
from actinit_lint.probe.supervisor import run

#: Targets: observed over plain, and seconds a model.
MOST_RATIO, MOST_SECONDS = 1.5, 1.0
ROUNDS = 9


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


def plain(build: Callable[[], nn.Module], batch: int, shape: tuple[int, ...]) -> None:
    """What an observed run does besides observing: build, feed, run forward, and back from a random projection."""
    torch.manual_seed(0)
    model = build().train()
    output = model(torch.randn(batch, *shape).requires_grad_())
    (output * torch.randn_like(output)).sum().backward()


def cost(name: str) -> tuple[float, float, float]:
    """(seconds plain, seconds observed, median of the ratios)."""
    build, batch, shape = NETWORKS[name]
    subject = Subject(name, __file__, 1, "torch", build, lambda n, _: ((torch.randn(n, *shape),), {}))
    times: list[tuple[float, float]] = []
    recording: AbstractContextManager[object] = recorded()
    with recording as constructions:
        session = Session(subject, Measurement("torch"), constructions)  # type: ignore[arg-type]
        for number in range(ROUNDS + 1):
            start = time.process_time()
            plain(build, batch, shape)
            between = time.process_time()
            session.run(0, batch, "normal")
            if number:  # the first round warms up
                times.append((between - start, time.process_time() - between))
    ratio = median(observed / bare for bare, observed in times)
    return median(bare for bare, _ in times), median(observed for _, observed in times), ratio


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
    print(f"{'forward and backward':36}{'plain':>10}{'observed':>10}{'ratio':>8}")
    for name in NETWORKS:
        bare, observed, ratio = cost(name)
        failed |= ratio > MOST_RATIO
        print(f"{name:36}{1000 * bare:>7.0f} ms{1000 * observed:>7.0f} ms{ratio:>8.2f}")
    if options.files:
        models, seconds = seconds_a_model(options.files)
        failed |= seconds > MOST_SECONDS
        print(f"\n{models} models ran, {seconds:.2f} s each")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
