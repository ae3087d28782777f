"""Draw docs/report.svg: the report on the bundled example, as a terminal of 96 columns shows it.

Run it from the checkout after a change of the report: `python docs/make_picture.py`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 96


def main() -> None:
    command = [
        sys.executable,
        "-m",
        "actinit_lint",
        "examples",
        "--isolated",
        "--color",
        "always",
        "--select",
        "ACT1,ACT2",
    ]
    environment = {**os.environ, "COLUMNS": str(WIDTH), "PYTHONIOENCODING": "utf-8"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8")
    if run.returncode != 1:
        sys.exit(f"the example gave exit code {run.returncode}: {run.stderr}")
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, color_system="standard", force_terminal=True)
        console.print(Text("$ actinit-lint examples --select ACT1,ACT2", style="bold"))
        console.print(Text.from_ansi(run.stdout.rstrip("\n")))
        svg = console.export_svg(title="actinit-lint", unique_id="report")
    # no fonts from elsewhere: a picture in a README must not load anything
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code, monospace", "monospace")
    lines = [line.rstrip() for line in svg.splitlines() if line.strip()]
    (ROOT / "docs" / "report.svg").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
