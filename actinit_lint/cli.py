"""The command: verbs, exit codes, and nothing imported that a verb does not need."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence

from actinit_lint.problem import UserProblem


def entry() -> None:
    """The console script. What a run builds it keeps, so that looking for garbage often costs a tenth of its time."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Run a command line; the exit code."""
    try:
        return _dispatch(list(argv))
    except UserProblem as problem:
        print(f"actinit-lint: error: {problem}", file=sys.stderr)
        return 2
    except SystemExit as stop:  # argparse: --help, --version
        return stop.code if isinstance(stop.code, int) else 2
    except KeyboardInterrupt:
        print("actinit-lint: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away: nothing left to say
        _silence_stdout()
        return 1
    except Exception as error:
        if os.environ.get("ACTINIT_LINT_TRACEBACK"):
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())
        print(
            f"actinit-lint: internal error: {text}; please report it (ACTINIT_LINT_TRACEBACK=1 shows where)",
            file=sys.stderr,
        )
        return 2


def _dispatch(argv: list[str]) -> int:
    if argv in (["--version"], ["-V"]):
        from actinit_lint import __version__

        print(f"actinit-lint {__version__}")
        return 0
    from actinit_lint.options import VERBS

    verb = argv[0] if argv and argv[0] in VERBS else "check"
    rest = argv[1:] if argv and argv[0] in VERBS else argv
    if verb == "check":
        from actinit_lint.verbs.check import run
    elif verb == "rule":
        from actinit_lint.verbs.rule import run
    elif verb == "show":
        from actinit_lint.verbs.show import run
    elif verb == "probe":
        from actinit_lint.verbs.probe import run
    elif verb == "config":
        from actinit_lint.verbs.config import run
    elif verb == "clean":
        from actinit_lint.verbs.clean import run
    else:
        raise UserProblem(f"{verb}: not available in this version")
    return run(rest)


def _silence_stdout() -> None:
    """Keep the interpreter from complaining about the closed pipe when it exits."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
