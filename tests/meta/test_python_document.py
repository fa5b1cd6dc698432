"""The examples of docs/python.md give what it says."""

from __future__ import annotations

import doctest
import sys
from pathlib import Path

import pytest

from turso_wasm.dbapi import types

DOCUMENT = Path(__file__).parents[2] / "docs" / "python.md"


@pytest.mark.skipif(sys.platform == "emscripten", reason="there are no threads")
def test_the_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(types, "adapters", dict(types.adapters))
    monkeypatch.setattr(types, "converters", dict(types.converters))
    pytest.importorskip("pyarrow")
    failed, tried = doctest.testfile(str(DOCUMENT), module_relative=False, encoding="utf-8")
    assert tried > 40
    assert not failed
