"""Do something before every step of every Program: force it to suspend, for instance."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock
from weakref import WeakKeyDictionary

from turso_wasm.runtime import engine, schema
from turso_wasm.runtime.hosts.store import KernelStore


@contextmanager
def before_each_step(before: Callable[[int], None]) -> Iterator[list[int]]:
    """Call `before(statement)` before every step meanwhile, also of Programs known before; gives the results."""
    results: list[int] = []
    made = KernelStore.link

    def link(store: KernelStore, *rest: Any) -> tuple[Callable[[int], int], Any]:
        step, code = made(store, *rest)

        def prepared_step(statement: int) -> int:
            before(statement)
            results.append(step(statement))
            return results[-1]

        return prepared_step, code

    with (
        mock.patch.object(KernelStore, "link", link),
        mock.patch.object(engine.host(), "_instances", OrderedDict()),
        mock.patch.object(schema, "_libraries", WeakKeyDictionary()),
    ):
        yield results
