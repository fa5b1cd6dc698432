"""Values out of columns of JSON whose texts look alike, nearly alike, or are malformed: beside SQLite, row by row."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, Final

import apsw
import pytest

import turso_wasm
from tests.harness.effort import HEAVY

ROWS: Final = 400 if HEAVY else 60
PATHS: Final = (
    "$.id", "$.name", "$.tags", "$.tags[1]", "$.tags[#-1]", "$.at.city", "$.at", "$", "$.none", "$.at.none[0]", "$.n",
    '$."a b"', "$.tags[0].x", "$[0]",
)  # fmt: skip
STRINGS: Final = (
    "",
    "x",
    "user",
    "a longer text than sixteen bytes",
    'quo"te',
    "back\\slash",
    "日本",
    "tab\t",
    "a" * 90,
)


def scalar(rng: random.Random) -> Any:
    return rng.choice((rng.randint(-99, 10**9), rng.random(), 1e300, -0.0, True, False, None, rng.choice(STRINGS)))


def alike(rng: random.Random) -> Any:
    return {"id": scalar(rng), "name": scalar(rng), "tags": [scalar(rng), scalar(rng)], "at": {"city": scalar(rng)}}


def nearly(rng: random.Random) -> Any:
    document = alike(rng)
    document["tags"] = [scalar(rng) for _ in range(rng.choice((0, 1, 2, 2, 2, 3)))]
    if rng.random() < 0.2:
        document["a b"] = scalar(rng)
    if rng.random() < 0.2:
        del document["at"]
    return document


def broken(rng: random.Random, text: str) -> str:
    if rng.random() < 0.9:
        return text
    at = rng.randrange(len(text))
    return text[:at] + rng.choice(("", ",", '"', "1", "0", "}", " ", "\\", "'", "\n")) + text[at + 1 :]


def columns(rng: random.Random) -> str:
    calls = []
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        path = rng.choice(PATHS)
        calls.append(rng.choice((f"json_extract(j, '{path}')", f"j -> '{path}'", f"j ->> '{path}'", "j ->> 'name'",
                                 f"json_type(j, '{path}')", f"json_array_length(j, '{path}')",
                                 f"json_extract(j, '{path}', '$.id')")))  # fmt: skip
    return ", ".join(f"quote({call})" for call in calls)


@pytest.mark.parametrize("make", [alike, nearly])
@pytest.mark.parametrize("spaces", [None, (",", ":"), 1])
@pytest.mark.parametrize("seed", range(2))
def test_values(make: Callable[[random.Random], Any], spaces: Any, seed: int) -> None:
    rng = random.Random(seed)
    layout: dict[str, Any] = {"indent": spaces} if spaces == 1 else {"separators": spaces}
    texts = [broken(rng, json.dumps(make(rng), ensure_ascii=rng.random() < 0.3, **layout)) for _ in range(ROWS)]
    oracle, ours = apsw.Connection(":memory:"), turso_wasm.connect(":memory:")
    for connection in (oracle, ours):
        connection.execute("CREATE TABLE d (i INTEGER PRIMARY KEY, j TEXT)")
        connection.executemany("INSERT INTO d (j) VALUES (?)", [(text,) for text in texts])
    sound = "iif(json_valid(j, 6), j, '{}') AS j"
    for _ in range(40 if HEAVY else 8):
        sql = f"SELECT i, {columns(rng)} FROM (SELECT i, {sound} FROM d)"
        assert [tuple(row) for row in ours.execute(sql)] == list(oracle.execute(sql)), sql
        every = f"SELECT {columns(rng)} FROM d WHERE i BETWEEN ? AND ?"
        first = rng.randrange(ROWS)
        assert rows(ours, every, first) == rows(oracle, every, first), every


def rows(connection: Any, sql: str, first: int) -> Any:
    """The rows of some texts, up to the first that is malformed; and what it says."""
    found: list[Any] = []
    try:
        for row in connection.execute(sql, (first, first + 20)):
            found.append(tuple(row))
    except (apsw.Error, turso_wasm.Error) as error:
        found.append(str(error).removeprefix("SQLError: "))
    return found


@pytest.mark.parametrize("make", [alike, nearly])
@pytest.mark.parametrize("spaces", [None, 1])
def test_children(make: Callable[[random.Random], Any], spaces: Any) -> None:
    rng = random.Random(7)
    oracle, ours = apsw.Connection(":memory:"), turso_wasm.connect(":memory:")
    shown = "quote(key), quote(value), type, quote(atom), subtype(value), json_array(value)"
    paths = ("", ", '$.tags'", ", '$.at'", ", '$.at.none'", ", '$.name'", ", '$'")
    for _ in range(ROWS):
        text = broken(rng, json.dumps(make(rng), ensure_ascii=rng.random() < 0.3, indent=spaces))
        text = text.replace("name", "na\\u006de") if rng.random() < 0.1 else text
        call = f"{rng.choice(('json', 'jsonb'))}_each(?{rng.choice(paths)})"
        sql = f"SELECT {rng.choice((shown, shown, 'count(*)', 'rowid, key', 'id, fullkey'))} FROM {call}"
        sql = sql.replace("json_array(value)", "1") if call.startswith("jsonb") else sql
        found = [children(connection, sql, text) for connection in (ours, oracle)]
        assert found[0] == found[1], (sql, text)


def children(connection: Any, sql: str, text: str) -> Any:
    """The rows, or what is wrong with the text."""
    try:
        return [tuple(row) for row in connection.execute(sql, (text,))]
    except (apsw.Error, turso_wasm.Error) as error:
        return str(error).removeprefix("SQLError: ")
