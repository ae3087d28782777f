"""`actinit-lint clean`: remove the cache."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from actinit_lint.options import Parser, add_common
from actinit_lint.problem import UserProblem
from actinit_lint.settings import configure

#: A folder is removed only when it holds this file (see https://bford.info/cachedir/): never by its name alone.
TAG = "CACHEDIR.TAG"


def run(arguments: Sequence[str]) -> int:
    parser = Parser("clean", description="Remove the cache.")
    parser.add_argument("--cache-dir", metavar="DIR")
    add_common(parser)
    options = parser.parse_args(arguments)
    typed = {} if options.cache_dir is None else {"cache-dir": options.cache_dir}
    configuration = configure([], typed, options.config, options.isolated)
    folder = Path(configuration.root, configuration.settings.cache_dir)
    if not folder.exists():
        print("There is no cache.")
        return 0
    if not (folder / TAG).is_file():
        raise UserProblem(f"{folder}: does not look like a cache (it has no {TAG}); nothing was removed")
    shutil.rmtree(folder)
    print(f"Removed {folder}.")
    return 0
