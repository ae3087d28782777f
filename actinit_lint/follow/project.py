"""A run's files as one project: modules found and loaded on demand, roots run in order, facts gathered by file."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from actinit_lint.disk import Disk
from actinit_lint.follow import roots
from actinit_lint.follow.account import Account, account_of, layers_built, parts_built
from actinit_lint.follow.choices import choices, chooses
from actinit_lint.follow.coverage import layer_sites, part_sites
from actinit_lint.follow.imports import TABLED
from actinit_lint.follow.state import Run, Session
from actinit_lint.follow.unfed import unfed
from actinit_lint.follow.unused import never_applied
from actinit_lint.follow.values import ClassValue, Func, ProjectModule
from actinit_lint.model import EmptyParameter, FileFacts, NotFollowed, Place
from actinit_lint.program import Program, SyntaxProblem
from actinit_lint.program import language as la

#: Nodes and objects of closed sessions that may lie about: some 100 MB.
MOST_LITTER = 50_000


class Project:
    def __init__(
        self,
        programs: Mapping[str, Program],
        wrappers: Mapping[str, Any],
        disk: Disk,
        spare: Mapping[str, Program] | None = None,
    ) -> None:
        self.programs = dict(programs)
        self.disk = disk
        self.run = Run(self.load, dict(wrappers))
        self.modules: dict[str, ProjectModule] = {}  # by real path
        self.given = {os.path.realpath(path): path for path in programs}
        self.tops: list[tuple[Session, ProjectModule]] = []  # of the files given: open until all else is done
        self.accounts: list[Account] = []  # of functions and classes
        self.litter = 0  # nodes and objects of closed sessions since the garbage collector looked
        self.missing: set[str] = set()
        self.spare = {os.path.realpath(path): program for path, program in (spare or {}).items()}
        self.places: dict[str, set[Place]] = {}  # of each file: the constructors of layers in it
        self.built: set[Place] = set()  # those that ran, in the sessions closed so far, and those of whole parts
        self._layered: dict[int, bool] = {}  # by id of a class
        self._users: dict[str, set[str]] | None = None  # name -> classes and functions that name it
        self._asked: set[str] = set()  # names that functions use which fill parameters of some kinds of modules

    # Loading --------------------------------------------------------------------------------------

    def module(self, path: str) -> ProjectModule | None:
        """The module of a file, its top level run."""
        real = os.path.realpath(path)
        found = self.modules.get(real)
        if found is not None:
            return found
        given = self.given.get(real)
        program = self.programs.get(given) if given is not None else self.spare.get(real) or self._read(path)
        if program is None:
            return None
        name, package = self._names(real)
        module = ProjectModule(given or path, name, package)
        module.program = program
        self.modules[real] = module
        session = roots.run_top_level(self.run, module)
        if given is not None:
            self.tops.append((session, module))
        return module

    def _read(self, path: str) -> Program | None:
        """A file of the project that was not passed: read for what it defines, never reported as broken."""
        try:
            return self.disk.program(path)
        except (SyntaxProblem, OSError, ValueError):
            return None

    def _names(self, real: str) -> tuple[str, str]:
        """Dotted names of a file and of the package it lies in, from the `__init__.py` files around it."""
        folder, file = os.path.split(real)
        stem = file.removesuffix(".py")
        parts: list[str] = []
        current = folder
        while self.disk.is_file(os.path.join(current, "__init__.py")):
            current, last = os.path.split(current)
            parts.insert(0, last)
        package = ".".join(parts)
        if stem == "__init__":
            return package, package
        return (f"{package}.{stem}" if package else stem), package

    def _tabled(self, base: str) -> bool:
        """A file whose behaviour is known by table is not run when others import it."""
        return base.replace(os.sep, ".").endswith(tuple(TABLED))

    def load(self, name: str, level: int, current: ProjectModule) -> ProjectModule | None:
        """A module by name: relative to the importing file's package, or from the folders around it."""
        folder = os.path.dirname(os.path.abspath(current.path))
        if level:
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            return self._find(folder, name)
        top = folder
        while self.disk.is_file(os.path.join(top, "__init__.py")):
            top = os.path.dirname(top)
        candidates = [top] if top == folder else [top, folder]
        parent = os.path.dirname(top)
        if self.disk.is_file(os.path.join(parent, "pyproject.toml")) or self.disk.is_file(
            os.path.join(parent, "setup.py")
        ):
            candidates.append(parent)
        for start in candidates:
            found = self._find(start, name)
            if found is not None:
                return found
        return None

    def _find(self, folder: str, name: str) -> ProjectModule | None:
        base = os.path.join(folder, *name.split(".")) if name else folder
        if base in self.missing:
            return None
        for path in (f"{base}.py", os.path.join(base, "__init__.py")):
            if self.disk.is_file(path):
                if self._tabled(base):
                    return ProjectModule(path, self._names(os.path.realpath(path))[0], "")
                return self.module(self.given.get(os.path.realpath(path), path))
        self.missing.add(base)
        return None

    # Running --------------------------------------------------------------------------------------

    def facts(self) -> list[FileFacts]:
        try:
            return self._facts()
        finally:
            gc.unfreeze()

    def _facts(self) -> list[FileFacts]:
        for path in self.programs:
            self.module(path)
        for session, module in list(self.tops):
            roots.finish(self.run, session, module)
        ordered = self._users_first()
        for module in ordered:
            for func in roots.functions(module):
                if not func.called:
                    self._account(partial(roots.run_function, self.run, func, module), module)
        for module in ordered:
            for cls in roots.classes(module):
                if not cls.instances and self._wanted(cls):
                    self._account(partial(roots.run_class, self.run, cls, module), module)
        for session, _ in self.tops:
            self.built |= layers_built(session) | parts_built(session)
        self.places = {m.path: {Place(m.path, at) for at in layer_sites(m)} for m in ordered}
        for module in ordered:
            self._options(module)
        return self._gather()

    def _options(self, module: ProjectModule) -> None:
        """Follow functions and classes again with options under which they build what nothing built so far."""
        parts = {Place(module.path, at) for at in part_sites(module, self._has_layers)}
        wanted = (self.places[module.path] | parts) - self.built
        if not wanted:
            return
        for func in roots.own_functions(module):
            for choice, places in choices([func], {place.at for place in wanted}):
                aims = frozenset(Place(module.path, at) for at in places) - self.built
                if not aims:
                    continue
                self._account(partial(roots.run_function, self.run, func, module, choice, aims), module)
        for cls in roots.classes(module):
            init = cls.find("__init__")
            if not roots.is_model(cls) or init is None or not isinstance(init[0], Func):
                continue
            methods = [f for f in cls.attrs.values() if isinstance(f, Func) and isinstance(f.node, la.Function)]
            functions = [init[0], *(f for f in methods if f is not init[0])]
            for choice, places in choices(functions, {place.at for place in wanted}):
                aims = frozenset(Place(module.path, at) for at in places) - self.built
                if not aims or not chooses(choice, roots.given_to(cls)):
                    continue
                self._account(partial(roots.run_class, self.run, cls, module, choice, aims), module)

    def _has_layers(self, cls: ClassValue) -> bool:
        """Whether a class is a module that names layers, or classes of its file that do."""
        if id(cls) not in self._layered:
            self._layered[id(cls)] = False  # a class that is made of itself
            inner = (cls.scope.globals.scope.vars.get(name) for name in roots.mentions(cls))
            self._layered[id(cls)] = roots.is_model(cls) and (
                bool(roots.mentions(cls) & roots.LAYERS)
                or any(isinstance(one, ClassValue) and self._has_layers(one) for one in inner)
            )
        return self._layered[id(cls)]

    def _close(self, session: Session, module: ProjectModule) -> Account:
        with self.run.timed(module.path):
            return account_of(session, module)

    def _account(self, follow: Callable[[], Session], module: ProjectModule) -> None:
        """Follow a root and reduce its session to what is kept of it, so that few models are held at a time."""
        session = follow()
        account = self._close(session, module)
        self.accounts.append(account)
        self.built |= account.built | account.parts
        self.litter += len(session.flows) + len(session.objects)
        del session  # its parts hold one another: only the garbage collector lets go of them
        if self.litter > MOST_LITTER:
            self.litter = 0
            gc.collect()
            gc.freeze()  # what is left is needed: the next look can pass it over

    def _wanted(self, cls: ClassValue) -> bool:
        if roots.is_model(cls):
            return True
        return bool(roots.mentions(cls) & (roots.BUILDING | roots.LOSSES))

    def _users_first(self) -> list[ProjectModule]:
        """Files in the order of use: who imports others comes before them."""
        given = [m for m in self.modules.values() if m.path in self.programs]
        imported: dict[int, int] = {id(m): 0 for m in given}
        owners = {id(m): m for m in given}
        for module in given:
            seen = {id(v.scope.globals) for v in module.scope.vars.values() if isinstance(v, (ClassValue, Func))} | {
                id(v) for v in module.scope.vars.values() if isinstance(v, ProjectModule)
            }
            for key in seen:
                if key in owners and owners[key] is not module:
                    imported[key] += 1
        return sorted(given, key=lambda m: imported[id(m)])

    # Gathering ------------------------------------------------------------------------------------

    def _gather(self) -> list[FileFacts]:
        by_path = {path: FileFacts(path) for path in self.programs}
        accounts = [*(self._close(session, module) for session, module in self.tops), *self.accounts]
        sites: dict[Place, str | None] = {}
        for account in accounts:
            into = by_path[account.path]
            if account.fault is not None:
                into.errors.append(account.fault)
            root, facts = account.class_root, account.facts
            if root is not None and self._has_users(root):  # who builds it may well fill it
                facts = [fact for fact in facts if not isinstance(fact, EmptyParameter)]
            elif root is not None:
                facts = [f for f in facts if not (isinstance(f, EmptyParameter) and self._is_asked_for(f.owners))]
            if root is None or not root.embedded or account.optional:
                into.facts.extend(facts)
            for place, reason in account.sites.items():
                if sites.get(place, reason) is not None or place not in sites:
                    sites[place] = reason
            into.models += account.models
        given = [m for m in self.modules.values() if m.path in by_path]
        for fact in never_applied(given, accounts):
            by_path[fact.place.path].facts.append(fact)
        for note in self.run.not_followed:
            if note.place.path in by_path:
                by_path[note.place.path].not_followed.append(note)
        for path, fault in self.run.errors:
            if path in by_path:
                by_path[path].errors.append(fault)
        for path, seconds in self.run.seconds.items():
            if path in by_path:
                by_path[path].seconds = seconds
        self._count(by_path, sites, accounts)
        return list(by_path.values())

    def _has_users(self, cls: ClassValue) -> bool:
        """Whether code outside the class names it, as what it calls or hands on: users that were not followed."""
        return bool(self._users_of(cls.name) - {cls.name})

    def _users_of(self, wanted: str) -> set[str]:
        if self._users is None:
            self._users = {}
            for module in self.modules.values():
                for value in module.scope.vars.values():
                    if isinstance(value, Func) and value.scope.globals is module:
                        self._note_uses(value.name, [value])
                    elif isinstance(value, ClassValue) and value.scope.globals is module:
                        self._note_uses(value.name, value.attrs.values())
        return self._users.get(wanted, set())

    def _is_asked_for(self, owners: Iterable[str]) -> bool:
        """Whether an init routine of the project asks for such parts: models that hold one have it filled."""
        self._users_of("")  # reads what functions use
        return not self._asked.isdisjoint(owners)

    def _note_uses(self, user: str, functions: Iterable[object]) -> None:
        assert self._users is not None
        for func in functions:
            if isinstance(func, Func):
                names = roots.names_used(func)
                for name in names:
                    self._users.setdefault(name, set()).add(user)
                if "isinstance" in names and names & roots.INITIALISING:
                    self._asked |= names

    def _count(self, by_path: dict[str, FileFacts], sites: dict[Place, str | None], accounts: list[Account]) -> None:
        """Count the constructors of layers in each file, followed and not. Layers that are fed nothing are neither."""
        constructed = {place for account in accounts for place in account.built}
        doubtful = {place for account in accounts if account.broken for place in account.built}
        for module in self.modules.values():
            if module.path not in by_path:
                continue
            places = self.places[module.path] | {p for p in constructed if p.path == module.path}
            facts = by_path[module.path]
            idle = {p.at for p in places if p in constructed and p not in sites and p not in doubtful}
            idle = unfed(module, idle)
            for place in sorted(p for p in places if p.at not in idle):
                if place not in sites:
                    reason = (
                        "never applied in what was followed"
                        if place in constructed
                        else "never built in what was followed"
                    )
                    facts.not_followed.append(NotFollowed(reason, place))
                    facts.layers_not_followed += 1
                elif sites[place] is not None:
                    facts.not_followed.append(NotFollowed(str(sites[place]), place))
                    facts.layers_not_followed += 1
                else:
                    facts.layers_followed += 1
