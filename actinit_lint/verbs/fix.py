"""`check --fix` and `check --diff`: what becomes of files that fixes have changed in memory."""

from __future__ import annotations

import sys

from actinit_lint.atomic import replace_file
from actinit_lint.engine import Request
from actinit_lint.fixes.differences import unified
from actinit_lint.fixes.passes import fix, stdin_name
from actinit_lint.outcome import Outcome
from actinit_lint.problem import UserProblem
from actinit_lint.report.words import count
from actinit_lint.settings import Configuration


class Fixing:
    """The fixed run: its files are written, or shown as a diff."""

    def __init__(self, request: Request, configuration: Configuration) -> None:
        self._request = request
        self._result = fix(request, configuration, configuration.settings.unsafe_fixes)

    @property
    def outcome(self) -> Outcome:
        return self._result.outcome

    def write(self) -> None:
        """Every changed file is replaced as a whole; standard input goes to standard output, changed or not.

        A file that cannot be written stays as it is, and the others are written all the same.
        """
        name = stdin_name(self._request)
        problems = []
        for path, file in self._result.files.items():
            if path != name and file.before != file.after:
                try:
                    replace_file(path, file.real, file.before, file.after)
                except UserProblem as problem:
                    problems.append(str(problem))
        if name is not None:
            changed = self._result.files.get(name)
            sys.stdout.flush()
            sys.stdout.buffer.write(self._request.stdin or b"" if changed is None else changed.after)
            sys.stdout.flush()
        for line in problems[:-1]:
            print(f"actinit-lint: error: {line}", file=sys.stderr)
        if problems:
            raise UserProblem(problems[-1])

    def show_diff(self, quiet: bool) -> int:
        """Print what would change; the exit code is 1 where something would."""
        lines = list(unified(self._result.files.values()))
        sys.stdout.writelines(lines)
        number = self._result.findings
        if number and not quiet:
            files_changed = count(len(self._result.files), "file")
            print(f"Would fix {count(number, 'finding')} in {files_changed}.", file=sys.stderr)
        if self.outcome.internal_error:
            return 2
        return 1 if lines else 0
