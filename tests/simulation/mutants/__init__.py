"""Bugs that a hurried change could make, each put into the shipped code and found by a promise that breaks.

A mutant is a table row: which text of which module becomes which other text. The module's source is
compiled anew with it and the functions that it changed get the new code, so that nothing else differs.
A text that does not stand in the module exactly once is an error: then the code has changed, and the
mutant must follow it.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from hunar.domain import facts


@dataclass(frozen=True)
class Patch:
    """``old`` becomes ``new`` in the module ``hunar.<module>``."""

    module: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A bug by its name."""

    name: str
    patches: tuple[Patch, ...]
    kind: str = "orders"
    """Of the schedules that are to find it: of orders, of channels, of texts, of money, or of batches."""


class Outdated(Exception):
    """The shipped code is not what the mutant was written for."""


@contextmanager
def at_work(mutant: Mutant) -> Iterator[None]:
    """The shipped code has the bug meanwhile. Raises Outdated when it cannot be put in."""
    before: list[tuple[FunctionType, CodeType]] = []
    texts: dict[str, str] = {}
    for patch in mutant.patches:
        module = importlib.import_module(f"hunar.{patch.module}")
        text = texts.get(patch.module) or inspect.getsource(module)
        if text.count(patch.old) != 1:
            raise Outdated(f"{mutant.name}: stands {text.count(patch.old)} times in {patch.module}: {patch.old!r}")
        texts[patch.module] = text.replace(patch.old, patch.new)
    try:
        for name, text in texts.items():
            module = importlib.import_module(f"hunar.{name}")
            original = _functions(compile(inspect.getsource(module), str(module.__file__), "exec"))
            changed = _functions(compile(text, str(module.__file__), "exec"))
            different = [path for path, code in changed.items() if _content(code) != _content(original[path])]
            if not different:
                raise Outdated(f"{mutant.name}: no function of {name} is changed by it")
            for path in different:
                function = _living(module, path)
                before.append((function, function.__code__))
                function.__code__ = changed[path]
        _forget()
        yield
    finally:
        for function, code in reversed(before):
            function.__code__ = code
        _forget()


def _functions(code: CodeType) -> dict[str, CodeType]:
    """Functions and methods by their qualified names. What is defined inside a function belongs to it."""
    found: dict[str, CodeType] = {}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_flags & inspect.CO_OPTIMIZED:
                found[inner.co_qualname] = inner
            else:
                found |= _functions(inner)
    return found


def _content(code: CodeType) -> tuple[Any, ...]:
    """What a function does, wherever it stands."""
    constants = tuple(_content(inner) if isinstance(inner, CodeType) else inner for inner in code.co_consts)
    return code.co_code, code.co_names, code.co_varnames, constants


def _living(module: ModuleType, path: str) -> FunctionType:
    found: Any = module
    for name in path.split("."):
        found = inspect.getattr_static(found, name)
        found = found.fget if isinstance(found, property) else found
        found = found.__func__ if isinstance(found, classmethod | staticmethod) else found
        found = inspect.unwrap(found) if callable(found) and not isinstance(found, type) else found
    if not isinstance(found, FunctionType):
        raise Outdated(f"{module.__name__}.{path} is no function")
    return found


def _forget() -> None:
    """What pure functions have remembered was made by other code."""
    for function in vars(facts).values():
        if hasattr(function, "cache_clear"):
            function.cache_clear()
