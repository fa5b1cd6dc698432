"""The text of a statement with its parameters filled in, for `set_trace_callback`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from turso_wasm.runtime.schema import Prepared


def expanded(prepared: Prepared, values: Sequence[Any]) -> str:
    """The statement's text; parameters are replaced by literals."""
    from turso_wasm.sql.lexer import VARIABLE, tokenize

    text = prepared.text.strip()
    if not values or not prepared.program.n_user_params:
        return text
    tokens = tokenize(text)
    names = prepared.program.param_names
    parts = []
    at = last = 0
    for kind, token, start, end in zip(tokens.kinds, tokens.texts, tokens.starts, tokens.ends, strict=True):
        if kind != VARIABLE:
            continue
        index = _parameter_index(token, last, names)
        last = max(last, index + 1)
        parts += [text[at:start], literal(values[index]) if index < len(values) else "NULL"]
        at = end
    return "".join(parts) + text[at:]


def _parameter_index(token: str, last: int, names: Sequence[str | None]) -> int:
    """The 0-based number of a parameter token; `last`: the highest number so far."""
    if token == "?":
        return last
    if token[0] == "?":
        return int(token[1:]) - 1
    return names.index(token) if token in names else last


def literal(value: Any) -> str:
    """A value as SQLite prints it in an expanded statement."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"x'{bytes(value).hex()}'"
