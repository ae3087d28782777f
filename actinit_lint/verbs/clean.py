"""`actinit-lint clean`: remove the cache."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from actinit_lint.cache_folder import TAG, is_cache
from actinit_lint.options import Parser, add_common
from actinit_lint.problem import UserProblem
from actinit_lint.settings import configure


def run(arguments: Sequence[str]) -> int:
    parser = Parser("clean", description="Remove the cache.")
    parser.add_argument("--cache-dir", metavar="DIR")
    add_common(parser)
    options = parser.parse_args(arguments)
    typed = {} if options.cache_dir is None else {"cache-dir": options.cache_dir}
    configuration = configure([], typed, options.config, options.isolated)
    folder = configuration.path("cache-dir")
    if folder is None or not os.path.lexists(folder):
        print("There is no cache.")
        return 0
    if not is_cache(folder):  # never by its name alone
        raise UserProblem(f"{folder}: does not look like a cache of ours (its {TAG} says so); nothing was removed")
    shutil.rmtree(folder)
    print(f"Removed {folder}.")
    return 0
