"""Tests marked with the `module` fixture run on the standard library's sqlite3 and on turso_wasm."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import turso_wasm


@pytest.fixture(params=["sqlite3", "turso_wasm"])
def module(request: pytest.FixtureRequest) -> ModuleType:
    return sqlite3 if request.param == "sqlite3" else turso_wasm


@pytest.fixture
def db(module: Any) -> Iterator[Any]:
    connection = module.connect(":memory:")
    connection.executescript(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT);"
        "INSERT INTO t VALUES (1, 10, 'x'), (2, 2.5, 'y'), (3, NULL, 'z')"
    )
    yield connection
    connection.close()


@pytest.fixture
def ours() -> Iterator[turso_wasm.Connection]:
    connection = turso_wasm.connect(":memory:")
    yield connection
    connection.close()
