"""What calls back while statements are prepared and run: tracing, progress; and how what they raise is shown."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from turso_wasm.dbapi import arguments
from turso_wasm.dbapi.deprecations import soon_by_position
from turso_wasm.dbapi.errors import DataError
from turso_wasm.dbapi.limits import LENGTH
from turso_wasm.dbapi.trace import expanded
from turso_wasm.runtime import engine

if TYPE_CHECKING:
    from turso_wasm.bind.authority import Ask
    from turso_wasm.runtime.connection import HostConnection
    from turso_wasm.runtime.schema import Prepared


class Hooked:
    """Base of Connection."""

    _runtime: HostConnection
    _limits: dict[int, int]
    _trace_callback: Callable[[str], object] | None

    def _check(self) -> None:
        raise NotImplementedError

    @soon_by_position("trace_callback")
    def set_trace_callback(self, trace_callback: Callable[[str], object] | None) -> None:
        """Call `trace_callback` with the text of every statement that is run, parameters filled in."""
        self._check()
        self._trace_callback = trace_callback

    @soon_by_position("progress_handler")
    def set_progress_handler(self, progress_handler: Callable[[], object] | None, n: int) -> None:
        """Call `progress_handler` about every n steps of a statement; a true value ends it. None, or n < 1: nothing.

        Steps are rows and entries looked at; a statement begins with a few. What it raises ends the statement too.
        """
        self._check()
        n = arguments.integer(n)
        handler = progress_handler
        self._runtime.progress = None if handler is None or n < 1 else (n, lambda: _is_over(handler))

    @soon_by_position("authorizer_callback")
    def set_authorizer(
        self, authorizer_callback: Callable[[int, str | None, str | None, str | None, str | None], int] | None
    ) -> None:
        """Ask `authorizer_callback` what a statement may do, while it is prepared: (SQLITE_… action, two facts about
        it, the database, the view it is in) gives SQLITE_OK, SQLITE_IGNORE (a column is NULL) or SQLITE_DENY, as does
        an exception. None: nobody is asked.
        """
        self._check()
        self._runtime.authorizer = None if authorizer_callback is None else _guarded(authorizer_callback)

    def _trace(self, prepared: Prepared, values: Any, text: str | None = None) -> None:
        """Tell of a statement; as in the sqlite3 module, that cannot fail it. text: what to tell."""
        callback = self._trace_callback
        if callback is None:
            return
        try:
            text = text or expanded(prepared, values)
            if len(text.encode("utf-8", "surrogatepass")) > self._limits[LENGTH]:
                show(DataError("Expanded SQL string exceeds the maximum string length"), callback)
                text = prepared.text
            callback(text)
        except Exception as error:
            show(error, callback)


def _is_over(handler: Callable[[], object]) -> bool:
    try:
        return bool(handler())
    except Exception as error:
        show(error, handler)
        return True


def _guarded(authorizer: Callable[..., Any]) -> Ask:
    from turso_wasm.bind.authority import DENY

    def ask(*facts: Any) -> int:
        try:
            answer = authorizer(*facts)
            return arguments.integer(answer) if isinstance(answer, int) else DENY
        except Exception as error:
            show(error, authorizer)
            return DENY

    return ask


def enable_callback_tracebacks(flag: bool, /) -> None:
    """Show what functions, aggregates, collations and handlers raise (by `sys.unraisablehook`) where it is raised."""
    engine.host().user_calls.on_error = _show if arguments.integer(flag) else None


def show(error: BaseException, code: object) -> None:
    """Show what `code` has raised, if that was asked for."""
    on_error = engine.host().user_calls.on_error
    if on_error is not None:
        on_error(error, code)


def _show(error: BaseException, code: object) -> None:
    if sys.unraisablehook is sys.__unraisablehook__:
        import traceback

        traceback.print_exception(error)
        return
    facts = {"exc_type": type(error), "exc_value": error, "exc_traceback": error.__traceback__}
    sys.unraisablehook(SimpleNamespace(**facts, err_msg=None, object=code))
