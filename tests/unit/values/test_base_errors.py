"""Result codes are SQLite's, and exceptions carry what their readers need."""

from __future__ import annotations

import pickle

import apsw
import pytest

from turso_wasm.base import errors
from turso_wasm.base.errors import RESULT_CODES, Corrupt, InternalError, SqlError, code_name
from turso_wasm.kernel.base import errors as kernel_errors


def sqlite_codes() -> dict[str, int]:
    tables = [apsw.mapping_result_codes, apsw.mapping_extended_result_codes]
    return {name: code for table in tables for name, code in table.items() if isinstance(name, str)}


def test_names_and_numbers_are_sqlites() -> None:
    known = sqlite_codes()
    assert {name: known[name] for name in RESULT_CODES if name in known} == {
        n: c for n, c in RESULT_CODES.items() if n in known
    }
    assert set(RESULT_CODES) - set(known) <= {"SQLITE_ROW", "SQLITE_DONE"}


@pytest.mark.parametrize("module", [errors, kernel_errors])
def test_constants_agree_with_the_table(module: object) -> None:
    constants = {name: value for name, value in vars(module).items() if name.startswith("SQLITE_")}
    assert len(constants) > 15
    assert {name: RESULT_CODES[name] for name in constants} == constants


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (1, "SQLITE_ERROR"),
        (2067, "SQLITE_CONSTRAINT_UNIQUE"),
        (19 | 99 << 8, "SQLITE_CONSTRAINT"),
        (250, "SQLITE_ERROR"),
    ],
)
def test_names_of_codes(code: int, name: str) -> None:
    assert code_name(code) == name


def test_sql_error() -> None:
    error = SqlError(1555, "UNIQUE constraint failed: t.a", (3, 5))
    assert (error.code, error.primary_code, error.name) == (1555, 19, "SQLITE_CONSTRAINT_PRIMARYKEY")
    assert str(error) == "UNIQUE constraint failed: t.a" and error.span == (3, 5)


@pytest.mark.parametrize(
    "error", [SqlError(1, "near x", (0, 1)), Corrupt(7, 100, "cell"), InternalError("bad", "plan", [1])]
)
def test_errors_travel_between_processes(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error) and vars(copy) == vars(error) and str(copy) == str(error)


def test_corrupt_says_where() -> None:
    error = Corrupt(7, 100, "cell pointer outside the page")
    assert isinstance(error, SqlError) and error.code == 11
    assert str(error) == "database disk image is malformed"
    assert (error.pgno, error.offset, error.why) == (7, 100, "cell pointer outside the page")


def test_internal_error_shows_its_evidence() -> None:
    assert str(InternalError("no emitter", "codegen", "Filter(…)")) == "codegen: no emitter\nFilter(…)"
    assert str(InternalError("bad")) == "bad"
