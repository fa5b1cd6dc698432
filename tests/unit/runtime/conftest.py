"""What tests of the runtime share."""

from __future__ import annotations

from typing import Any

import pytest

from turso_wasm.codegen.program import Program
from turso_wasm.runtime import compiler
from turso_wasm.runtime import connection as connection_module


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were compiled."""
    texts: list[str] = []

    def spy(tokens: Any, *environment: Any) -> Program:
        texts.append(tokens.sql)
        return compiler.compile_statement(tokens, *environment)

    monkeypatch.setattr(connection_module, "compile_statement", spy)
    return texts
