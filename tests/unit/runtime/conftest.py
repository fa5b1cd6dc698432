"""What tests of the runtime share."""

from __future__ import annotations

from typing import Any

import pytest

from turso_wasm.codegen.program import Program
from turso_wasm.runtime import compiler


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were compiled."""
    texts: list[str] = []
    compile_statement = compiler.compile_statement

    def spy(tokens: Any, *environment: Any) -> Program:
        texts.append(tokens.sql)
        return compile_statement(tokens, *environment)

    monkeypatch.setattr(compiler, "compile_statement", spy)
    return texts
