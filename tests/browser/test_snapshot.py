"""Later visits start Python from what an earlier one has kept of its memory (web/snapshot.js)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import visits

UNSEEN = """
    const started = performance.now();
    const db = await turso.connect('s.db');
    await db.exec('CREATE TABLE IF NOT EXISTS t(a, b)');
    const row = await db.prepare(`SELECT ${n} + 1 AS x${n}, count(*) AS n FROM t`).get();
    const ms = performance.now() - started;
    const { compiler, fromSnapshot } = await db.status();
"""
KEPT = """
    const kept = async () => (await (await caches.open('turso-wasm snapshot')).keys())[0];
    while (!await kept()) await new Promise((resolve) => setTimeout(resolve, 50));
"""
CHANGE = """
    const cache = await caches.open('turso-wasm snapshot');
    const [key] = await cache.keys();
    const response = await cache.match(key);
    let bytes = new Uint8Array(await response.arrayBuffer());
    DAMAGE;
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
    const headers = { 'x-digest': SIGNED ? hex : response.headers.get('x-digest') };
    await cache.put(key, new Response(bytes, { headers }));
"""


@pytest.fixture
def visit(launch: Callable[[Path], Any], server: str, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    context = launch(tmp_path / "profile")
    yield visits(context, server)
    context.close()


def damage(code: str, *, signed: bool) -> str:
    return CHANGE.replace("DAMAGE", code).replace("SIGNED", str(signed).lower())


def test_an_unseen_statement_of_a_later_visit(visit: Callable[..., Any]) -> None:
    first, plain = visit(UNSEEN + KEPT + "return [fromSnapshot, ms];", n=1)
    more = """
        const library = await db.prepare("SELECT length(uuid4_str())").pluck().get();
        const error = await failure(() => db.prepare('SELECT nope').get());
        return [row, fromSnapshot, ms, library, error.message];"""
    row, again, ms, library, message = visit(UNSEEN + more, n=2)
    print(f"connect() to an unseen statement's row: {plain:.0f} ms, from a snapshot {ms:.0f} ms")
    assert (first, again) == (False, True)
    assert row == {"x2": 3, "n": 0}
    assert library == 36
    assert message == "no such column: nope"
    assert ms < plain / 2


def test_what_cannot_be_used_is_replaced(visit: Callable[..., Any]) -> None:
    visit(UNSEEN + KEPT, n=1)
    damages = [
        ("bytes[20_000_000] ^= 1", False),  # of memory
        ("bytes[16] ^= 1", True),  # the build of Pyodide it is for
        ("bytes = bytes.slice(0, 5000)", True),
        ("bytes = new Uint8Array(0)", True),
    ]
    for n, (code, signed) in enumerate(damages):
        row, used = visit(damage(code, signed=signed) + UNSEEN + KEPT + "return [row, fromSnapshot];", n=2 * n)
        assert (row, used) == ({f"x{2 * n}": 2 * n + 1, "n": 0}, False), code
        assert visit(UNSEEN + "return fromSnapshot;", n=2 * n + 1), code


def test_memory_that_has_grown(visit: Callable[..., Any]) -> None:
    visit(UNSEEN + KEPT, n=1)
    grown = "const larger = new Uint8Array(bytes.length + 3 * 65536); larger.set(bytes); bytes = larger"
    assert visit(damage(grown, signed=True) + UNSEEN + "return [row, fromSnapshot];", n=2) == [{"x2": 3, "n": 0}, True]


def test_visits_do_not_draw_the_same_numbers(visit: Callable[..., Any], server: str) -> None:
    visit(UNSEEN + KEPT, n=1)
    draw = """
        const worker = new Worker('/tests/browser/lab.js', { type: 'module' });
        const code = `const base = new URL('/dist/', location.href).href;
            const compiler = await lab.Compiler.load(lab.assetsIn(base));
            return [compiler.fromSnapshot, compiler.pyodide.runPython('import random; random.random()')];`;
        return new Promise((resolve) => {
            worker.onmessage = ({ data }) => resolve(data.value ?? data.error);
            worker.postMessage({ code, values: {} });
        });"""
    drawn = [visit(draw) for _ in range(2)]
    assert [used for used, _ in drawn] == [True, True]
    assert drawn[0][1] != drawn[1][1]
