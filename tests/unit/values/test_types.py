"""Affinities and collations: the names SQLite understands, and codes that are the kernel's."""

from __future__ import annotations

import apsw
import pytest

from turso_wasm.kernel import abi
from turso_wasm.values import Affinity, Collation, StorageClass, declared_affinity, find_collation, storage_class

TYPES = [
    "INT",
    "INTEGER",
    "TINYINT",
    "BIGINT",
    "int8",
    "CHARACTER(20)",
    "VARCHAR(255)",
    "NCHAR(55)",
    "TEXT",
    "CLOB",
    "BLOB",
    "",
]
TYPES += [
    "REAL",
    "DOUBLE",
    "DOUBLE PRECISION",
    "FLOAT",
    "NUMERIC",
    "DECIMAL(10,5)",
    "BOOLEAN",
    "DATE",
    "DATETIME",
    "STRING",
]
TYPES += ["FLOATING POINT", "CHARINT", "XBLOBX", "BLOBTEXT", "REALINT", "DOUBLOON", "any", "point"]


@pytest.mark.parametrize("name", TYPES)
def test_declared_affinity(name: str) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE t(a {name})")
    connection.execute("INSERT INTO t VALUES ('1'), (1.0), (x'00'), (2)")
    kinds = [row[0] for row in connection.execute("SELECT typeof(a) FROM t")]
    expected = {
        Affinity.INTEGER: ["integer", "integer", "blob", "integer"],
        Affinity.NUMERIC: ["integer", "integer", "blob", "integer"],
        Affinity.REAL: ["real", "real", "blob", "real"],
        Affinity.TEXT: ["text", "text", "blob", "text"],
        Affinity.BLOB: ["text", "real", "blob", "integer"],
    }
    assert kinds == expected[declared_affinity(name)]


def test_integer_affinity_is_not_numeric_affinity() -> None:
    assert declared_affinity("INTEGER") == Affinity.INTEGER
    assert declared_affinity("DECIMAL") == Affinity.NUMERIC


def test_codes_are_the_kernels() -> None:
    assert {a.name: a.value for a in Affinity} == {
        name.removeprefix("AFFINITY_"): value for name, value in vars(abi).items() if name.startswith("AFFINITY_")
    }
    assert [(c.name, c.value) for c in Collation] == [
        ("BINARY", abi.BINARY),
        ("NOCASE", abi.NOCASE),
        ("RTRIM", abi.RTRIM),
    ]
    assert [(s.name, s.value) for s in StorageClass] == [
        (name, getattr(abi, name)) for name in ("NULL", "INTEGER", "REAL", "TEXT", "BLOB")
    ]


def test_storage_classes() -> None:
    assert [storage_class(v).name for v in (None, 1, 1.0, "1", b"1")] == ["NULL", "INTEGER", "REAL", "TEXT", "BLOB"]


@pytest.mark.parametrize(("name", "found"), [("nocase", Collation.NOCASE), ("Binary", Collation.BINARY), ("x", None)])
def test_find_collation(name: str, found: Collation | None) -> None:
    assert find_collation(name) is found
