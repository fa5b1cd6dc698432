"""Statements that earlier processes have prepared: found again, and kept (docs/decisions/0068).

A Program is kept under its text, with what preparing the text gives besides (Prepared), so that nothing of the compiler
is needed to find it, nor the lexer; and under its shape, for other literals. Which files there are the host knows
(hosts/programs.py); here it is decided what may be kept, and whether what is found fits.

Invariants:
  P1  What is found is used as if it had been compiled by this process: under the rules of schema.py C2 and C3.
  P2  No text or blob that a statement gives as a literal is written; the schema is, with the statements that make it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from turso_wasm.codegen.program import Program, read_literal, spell_literal
from turso_wasm.runtime.schema import SHARED_BY_SHAPE, Prepared, Schema, fits_literals, fits_sizes, shape_of

if TYPE_CHECKING:
    from turso_wasm.bind.binder import Sizes
    from turso_wasm.runtime.hosts.base import Host, Instance

KEPT_KINDS = SHARED_BY_SHAPE | {"ddl", "transaction", "pragma"}
_IS_SCHEMA_CHANGE = re.compile(r"\s*(?:create|alter|drop)\b", re.IGNORECASE)


def recall_text(host: Host, schema: Schema, sql: str, sizes: Sizes) -> Prepared | None:
    """What exactly this text was prepared to."""
    if "'" in sql and not _IS_SCHEMA_CHANGE.match(sql):
        return None  # texts with secrets are not kept: there is no need to look for one
    found = _recall(host, schema, f"t{sql}", sizes)
    if found is None:
        return None
    head, program, instance = found
    literals = [read_literal(spelled) for spelled in head["literals"]]
    text = sql[: head["end"]]
    return Prepared(sql, 0, head["end"], text, program, instance, literals, schema, head["has_tail"])


def recall_shape(
    host: Host, schema: Schema, key: str, literals: Sequence[Any], sql: str, sizes: Sizes
) -> tuple[Program, Instance] | None:
    """A Program for this shape that these literals and this text fit."""
    found = _recall(host, schema, _shape_key(key, literals), sizes)
    return found[1:] if found is not None and fits_literals(found[1], literals, sql) else None


def keep(host: Host, key: str, prepared: Prepared) -> None:
    """Let later processes find a statement that was just compiled, if they may."""
    program, schema = prepared.program, prepared.schema
    store, environment = host.programs, schema.digest
    if store is None or environment is None or not store.has_room:
        return
    if not program.shared or program.kind not in KEPT_KINDS:
        return
    if program.kind != "ddl" and _has_secret(program.pinned.values()):
        return
    code, native = program.to_bytes(), host.native(prepared.instance)
    if program.kind in SHARED_BY_SHAPE and prepared.literals:
        store.put(environment, _shape_key(key, prepared.literals), (b"{}", code, native))
    if prepared.start == 0 and (program.kind == "ddl" or not _has_secret(prepared.literals)):
        literals = [spell_literal(value) for value in prepared.literals]
        head = {"end": prepared.end, "has_tail": prepared.has_tail, "literals": literals}
        store.put(environment, f"t{prepared.sql}", (json.dumps(head).encode(), code, native))


def _has_secret(literals: Iterable[object]) -> bool:
    return any(isinstance(value, str | bytes | tuple) for value in literals)


def _shape_key(key: str, literals: Sequence[Any]) -> str:
    return "s" + "\0".join(map(str, shape_of(key, literals)))


def _recall(host: Host, schema: Schema, key: str, sizes: Sizes) -> tuple[Any, Program, Instance] | None:
    store, environment = host.programs, schema.digest
    found = None if store is None or environment is None else store.find(environment, key)
    if found is None:
        return None
    head, code, native = found
    program = Program.from_bytes(code)
    return (json.loads(head), program, host.load(program, native)) if fits_sizes(program, sizes) else None
