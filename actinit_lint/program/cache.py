"""Programs by the content of their files: what was parsed once is read back without the parser."""

from __future__ import annotations

import msgspec

from actinit_lint.cache_folder import CacheFolder, digest
from actinit_lint.program.language import Program

_DECODER = msgspec.msgpack.Decoder(Program)


def decoded(content: bytes | None, path: str) -> Program | None:
    """The program in an entry, as that of a file; None for none and for what is no program."""
    if content is None:
        return None
    try:
        return msgspec.structs.replace(_DECODER.decode(content), path=path)
    except msgspec.MsgspecError:
        return None


class ProgramCache:
    """Entries are named by the text's checksum. Which tool wrote them is the folder's matter."""

    def __init__(self, folder: CacheFolder) -> None:
        self._folder = folder

    def get(self, text: str, path: str) -> Program | None:
        """The program of a text; its path is the one that is asked for."""
        return decoded(self._folder.read(_name(text)), path)

    def has(self, text: str) -> bool:
        """Whether there is an entry; it may still turn out to be broken."""
        return self._folder.has(_name(text))

    def put(self, text: str, program: Program) -> None:
        try:
            content = msgspec.msgpack.encode(program)
        except (ValueError, OverflowError, RecursionError):  # a number or a text that the format cannot hold
            return
        self._folder.write(_name(text), content)


def _name(text: str) -> str:
    name = digest(text.encode(errors="surrogatepass")).hex()
    return f"programs/{name[:2]}/{name[2:]}"
