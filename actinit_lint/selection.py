"""Which rules run, at which level, on which file: codes, prefixes and names to answers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from actinit_lint.pages import find, pages
from actinit_lint.problem import UserProblem, nearest
from actinit_lint.settings import Confidence, Configuration, Level
from actinit_lint.source.files import paths_matching

LEVELS: tuple[Level, ...] = ("info", "warning", "error")
CONFIDENCES: tuple[Confidence, ...] = ("low", "medium", "high")
#: Reported whatever is selected: silence about an unread file or a failed rule would read as approval.
ALWAYS = ("ACT000", "ACT900")
UNIGNORABLE = "ACT900"


def at_least(level: Level, floor: Level) -> bool:
    return LEVELS.index(level) >= LEVELS.index(floor)


class Selection:
    """Answers for one run. `names` is every known rule, code to name."""

    def __init__(self, configuration: Configuration, names: dict[str, str]) -> None:
        self._names = names
        self._selectors = [(kind, rank, self._known(word)) for kind, rank, word in configuration.selectors]
        settings = configuration.settings
        self._levels = {self._known(word): level for word, level in settings.levels.items()}
        self._per_file = [
            (paths_matching([pattern], configuration.root), [self._known(word) for word in words])
            for pattern, words in settings.per_file_ignores.items()
        ]
        self.ignored_in = lru_cache(maxsize=None)(self._ignored_in)

    def _known(self, word: str) -> str:
        """The prefix of codes that a selector means (a name means its code); an unknown one is the user's mistake."""
        if word.upper() == "ALL":
            return ""
        for code, name in self._names.items():
            if word.lower() == name:
                return code
        prefix = word.upper()
        if prefix.startswith("ACT") and any(code.startswith(prefix) for code in self._names):
            return prefix
        known = [*self._names, *self._names.values()]
        guess = nearest(prefix, known) or nearest(word.lower(), known)
        raise UserProblem(f'unknown rule "{word}"{guess}; `actinit-lint rule` lists them')

    def selected(self, code: str) -> bool:
        """The longest selector that fits decides; then the later source; then `ignore`."""
        fits = [(len(word), rank, kind == "ignore") for kind, rank, word in self._selectors if code.startswith(word)]
        if code == UNIGNORABLE:
            return True
        if code in ALWAYS:
            return not max((fit for fit in fits if fit[2]), default=(0, 0, False))[2]
        return bool(fits) and not max(fits)[2]

    def _ignored_in(self, real: str) -> frozenset[str]:
        """Prefixes that per-file-ignores switches off for a file (absolute path)."""
        return frozenset(word for match, words in self._per_file if match(real, False) for word in words)

    def ignored(self, code: str, real: str) -> bool:
        return code != UNIGNORABLE and any(code.startswith(prefix) for prefix in self.ignored_in(real))

    def level(self, code: str, page: Level, hit: Level | None) -> Level:
        """The setting replaces the page's level; a hit that its check lowered (a rescued pair, say) stays lowered."""
        fits = [word for word in self._levels if code.startswith(word)]
        if not fits or code == UNIGNORABLE:
            return hit or page
        wanted = self._levels[max(fits, key=len)]
        if hit is None or at_least(hit, page):
            return wanted
        return min(hit, wanted, key=LEVELS.index)


def lowest(confidences: Iterable[Confidence]) -> Confidence:
    return min(confidences, key=CONFIDENCES.index)


def check_rule_options(configuration: Configuration) -> None:
    """Every `[tool.actinit-lint.rules.NAME]` names a rule and options of its page, of the type of their defaults."""
    for name, given in configuration.settings.rules.items():
        page = find(name)
        where = f"{configuration.origins['rules']}: rules.{name}"
        if page is None:
            raise UserProblem(f"{where}: unknown rule{nearest(name, [p.name for p in pages().values()])}")
        if name != page.name:
            raise UserProblem(f'{where}: write the rule\'s name here, "{page.name}"')
        defaults = page.matter.options
        for key, value in given.items():
            if key not in defaults:
                valid = f"; it has {', '.join(sorted(defaults))}" if defaults else "; the rule has no options"
                raise UserProblem(f'{where}: unknown option "{key}"{nearest(key, defaults) or valid}')
            if not _same_kind(value, defaults[key]):
                wanted = type(defaults[key]).__name__
                raise UserProblem(f"{where}.{key}: expected {wanted}, got {type(value).__name__}")


def _same_kind(value: object, default: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, (int, float)):
        return isinstance(value, (int, float))
    return isinstance(value, type(default))
