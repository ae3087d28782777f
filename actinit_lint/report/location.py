"""How reports for other programs name a file: relative to the working directory wherever it lies below that."""

from __future__ import annotations

import os
from urllib.parse import quote


def relative(path: str, start: str | None = None) -> str:
    """The path from `start` (default: the working directory) with forward slashes; as it is where it lies elsewhere."""
    if start is None and not os.path.isabs(path):
        return path.replace(os.sep, "/")
    try:
        found = os.path.relpath(path, start or os.getcwd())
    except ValueError:  # another drive
        return path.replace(os.sep, "/")
    outside = found == os.pardir or found.startswith(os.pardir + os.sep)
    return (path if outside else found).replace(os.sep, "/")


def uri(path: str) -> str:
    """The relative path as a URI reference, an absolute one as a file URI. Bytes that are no Unicode are escaped."""
    found = relative(path)
    escaped = quote(os.fsencode(found), safe="/~")
    if os.path.isabs(found):
        return "file://" + (escaped if escaped.startswith("/") else "/" + escaped)
    return escaped
