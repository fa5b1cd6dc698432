"""Plan otherwise for a while."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from unittest import mock

from turso_wasm.plan.build import PlanContext
from turso_wasm.runtime import compiler
from turso_wasm.runtime.preparing import Preparing
from turso_wasm.runtime.schema import Schema


@contextmanager
def without(optimizations: Iterable[str]) -> Iterator[None]:
    """Prepare every statement anew meanwhile, with these of `plan.build.OPTIMIZATIONS` off."""
    with (
        mock.patch.object(compiler, "PlanContext", partial(PlanContext, without=frozenset(optimizations))),
        mock.patch.object(Schema, "find_text", lambda *_: None),
        mock.patch.object(Schema, "find_shape", lambda *_: None),
        mock.patch.object(Schema, "add_text", lambda *_: None),
        mock.patch.object(Schema, "add_shape", lambda *_: None),
        mock.patch.object(Preparing, "_keeps", False),
    ):
        yield


__all__ = ["without"]
