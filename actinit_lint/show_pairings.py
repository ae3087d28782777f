"""What `show --pairings` prints: every initialiser in front of every activation, in a plain network without norms."""

from __future__ import annotations

import json
import sys
from itertools import groupby

from actinit_lint.signal.pairings import DEPTH, INITIALIZERS, WIDTH, Pairing, pairings

LEGEND = (
    f"The factor on the gradient per layer of {WIDTH} units, and behind @ the number of layers after which the",
    f"signal or the gradient has left 1/1000 to 1000 (without @: not within {DEPTH}). torch default has its random",
    "biases, all others none. xavier is lecun and an orthogonal matrix of gain 1 too, he an orthogonal one of gain √2;",
    "xavier 5/3 is the gain that torch gives tanh.",
)


def render(*, as_json: bool, color: str | None) -> None:
    """The matrix as a table, or as a list of its cells."""
    cells = pairings()
    if as_json:
        document = {"version": 1, "width": WIDTH, "depth": DEPTH, "pairings": [_object(cell) for cell in cells]}
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    from actinit_lint.report.look import look_for
    from actinit_lint.report.table import print_table

    rows = [(name, *(_cell(cell) for cell in row)) for name, row in groupby(cells, lambda cell: cell.activation)]
    print_table(("activation", *INITIALIZERS), rows, color)
    look = look_for(sys.stdout, color or "auto")
    for line in LEGEND:
        print(look.safe(line))


def _cell(pairing: Pairing) -> str:
    lost = "" if pairing.lost_at is None else f" @{pairing.lost_at}"
    return f"×{pairing.gradient:.3g}{lost}"


def _object(pairing: Pairing) -> dict[str, object]:
    return {
        "initializer": pairing.initializer,
        "activation": pairing.activation,
        "gradient_per_layer": pairing.gradient,
        "signal_per_layer": pairing.signal,
        "lost_at": pairing.lost_at,
    }
