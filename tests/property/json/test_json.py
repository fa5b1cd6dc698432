"""The JSON functions give what SQLite gives: on random texts, sound or damaged, along random paths; and survive damaged
JSONB. Where exactly an error is, tests/sql/json_errors.test compares.
"""

from __future__ import annotations

import random
from typing import Any

import apsw
import pytest

import turso_wasm
from tests.harness.effort import HEAVY
from tests.property.json.samples import LABELS, Texts, damaged, damaged_blob, path

ROUNDS = 20_000 if HEAVY else 300

oracle = apsw.Connection(":memory:")
ours = turso_wasm.connect(":memory:")


def answer(run: Any, sql: str, values: tuple[Any, ...]) -> Any:
    """The first row, or the error's message."""
    try:
        return tuple(next(iter(run(sql, values))))
    except (apsw.Error, turso_wasm.Error) as error:
        message = str(error)
        return (
            message.partition(": ")[2]
            if isinstance(error, apsw.Error) and message.startswith("SQLError: ")
            else message
        )


def check(sql: str, *values: Any) -> Any:
    """Both give the same; what they give. Reals and texts that are not UTF-8 are compared by their bytes."""
    expected = answer(oracle.execute, sql, values)
    assert answer(ours.execute, sql, values) == expected, (sql, values)
    return expected


@pytest.mark.parametrize("seed", range(ROUNDS // 100))
def test_texts(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        text = Texts(rng, relaxed=rng.random() < 0.7, bad=rng.random() < 0.3).value()
        if rng.random() < 0.3:
            text = damaged(rng, text)
        check("SELECT json_error_position(?1) > 0, json_valid(?1), json_valid(?1, 2)", text)
        check("SELECT json(?1), hex(jsonb(?1)), json_type(?1), json_array_length(?1)", text)
        check("SELECT json_pretty(?1), json_pretty(?1, '\t')", text)
        check("SELECT hex(json_extract(?1, '$')), typeof(json_extract(?1, '$')), subtype(json_extract(?1, '$'))", text)


@pytest.mark.parametrize("seed", range(ROUNDS // 100))
def test_paths(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        text = Texts(rng, relaxed=rng.random() < 0.5).value()
        one, two = path(rng, bad=0.05), path(rng)
        check("SELECT hex(json_extract(?1, ?2)), typeof(json_extract(?1, ?2)), json_type(?1, ?2)", text, one)
        check("SELECT json_extract(?1, ?2, ?3), hex(jsonb_extract(?1, ?2, ?3))", text, one, two)
        check("SELECT hex(jsonb_extract(?1, ?2)), json_array_length(?1, ?2), hex(json_quote(?1 -> ?2))", text, one)
        step = rng.choice((one, one[1:], rng.randint(-4, 4), rng.choice(("a", "b", "c d", "x.y", "")), 1.5, None))
        check("SELECT hex(?1 -> ?2), hex(?1 ->> ?2), typeof(?1 ->> ?2)", text, step)


ONE_VALUE = (
    "hex(json_extract(?1, ?2))",
    "hex(jsonb_extract(?1, ?2))",
    "json_type(?1, ?2)",
    "json_array_length(?1, ?2)",
    "hex(?1 -> ?2)",
    "hex(?1 ->> ?2)",
    "json_valid(coalesce(?1, ?2))",
)


@pytest.mark.parametrize("seed", range(ROUNDS // 100))
def test_one_value_of_a_text(seed: int) -> None:
    """Which is sought without parsing the text where that can be."""
    rng = random.Random(seed)
    for _ in range(200):
        text = Texts(rng, relaxed=rng.random() < 0.2).value()
        if rng.random() < 0.2:
            text = damaged(rng, text)
        step = rng.choice((path(rng, bad=0.05), rng.choice(LABELS), "a", 0))
        check(f"SELECT {rng.choice(ONE_VALUE)}", text, step)


@pytest.mark.parametrize("seed", range(ROUNDS // 100))
def test_edits(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        text = Texts(rng, relaxed=rng.random() < 0.5).value()
        value = rng.choice((None, 0, -5, 1.5, 1e300, "text", 'q"\\\n', b"\x13\x31", float("inf"), "x" * 70_000))
        values = (text, path(rng), value, path(rng), Texts(rng, relaxed=False).value(2))
        for name in ("set", "insert", "replace", "array_insert"):
            check(f"SELECT json_{name}(?1, ?2, ?3, ?4, json(?5)), hex(jsonb_{name}(?1, ?2, ?3, ?4, ?5))", *values)
        check("SELECT json_remove(?1, ?2, ?3), hex(jsonb_remove(?1, ?2))", text, path(rng), path(rng))


@pytest.mark.parametrize("seed", range(ROUNDS // 100))
def test_patches(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        one, two = (Texts(rng, relaxed=False).value(3) for _ in range(2))
        check("SELECT json_patch(?1, ?2), hex(jsonb_patch(?1, ?2))", one, two)


@pytest.mark.parametrize("seed", range(ROUNDS // 100))
def test_damaged_jsonb(seed: int) -> None:
    """Every function answers, or says that it is malformed."""
    rng = random.Random(seed)
    for _ in range(100):
        (blob,) = next(iter(oracle.execute("SELECT jsonb(?)", (Texts(rng).value(3),))))
        bad = damaged_blob(rng, blob)
        check("SELECT json_valid(?1, 4)", bad)
        for sql in (
            "SELECT hex(json(?1)), hex(json_pretty(?1)), json_type(?1), json_error_position(?1), json_valid(?1, 8)",
            "SELECT hex(json_extract(?1, ?2)), hex(jsonb_set(?1, ?2, 5)), hex(json_remove(?1, ?2)), json_type(?1, ?2)",
            'SELECT hex(jsonb_patch(?1, jsonb(\'{"a": {"b": null}}\'))), hex(json_array(?1)), ?2',
        ):
            found = answer(ours.execute, sql, (bad, path(rng))[: 1 + ("?2" in sql)])
            if isinstance(found, str):
                assert found.startswith(("malformed JSON", "JSON cannot hold BLOB values", "bad JSON path")), sql


@pytest.mark.parametrize("seed", range(ROUNDS // 100))
def test_values_to_json(seed: int) -> None:
    rng = random.Random(seed)
    pool = (
        None,
        0,
        2**63 - 1,
        -(2**63),
        0.1,
        -0.0,
        1e16,
        5e-324,
        1.7976931348623157e308,
        float("-inf"),
        "",
        'a"\x1f\\',
        "é",
    )
    for _ in range(100):
        values = [
            rng.choice((*pool, rng.uniform(-1e9, 1e9), rng.random() * 10 ** rng.randint(-30, 30))) for _ in range(3)
        ]
        check("SELECT json_array(?1, ?2, json_quote(?3)), hex(jsonb_array(?1, ?2, ?3))", *values)
        check(
            "SELECT json_object('k', ?1, 'l', ?2, ?3 || '', 5), json_group_array(?1), json_group_object(?2, ?3)",
            *values,
        )
