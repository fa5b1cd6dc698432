"""turso_wasm.aio: aiosqlite's shape, and what asyncio asks for."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

import turso_wasm
from turso_wasm import aio

LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def test_a_session(tmp_path: Path) -> None:
    async def session() -> None:
        async with aio.connect(tmp_path / "a.db") as db:
            await db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
            async with db.executemany("INSERT INTO t(b) VALUES (?)", [(n,) for n in range(200)]) as cursor:
                assert cursor.rowcount == 200
            await db.commit()
            db.row_factory = turso_wasm.Row
            async with db.execute("SELECT a, b FROM t WHERE b < ?", (150,)) as cursor:
                assert [row["b"] async for row in cursor] == list(range(150))
            assert await db.execute_insert("INSERT INTO t(b) VALUES (7)") is not None
            assert db.in_transaction
            await db.rollback()
            assert [tuple(row) for row in await db.execute_fetchall("SELECT count(*) FROM t")] == [(200,)]
            cursor = await db.cursor()
            await cursor.execute("SELECT 1 UNION SELECT 2")
            assert tuple(await cursor.fetchone()) == (1,)
            assert [tuple(row) for row in await cursor.fetchall()] == [(2,)]
            await cursor.close()
            with pytest.raises(turso_wasm.OperationalError, match="no such table: x"):
                await db.execute("SELECT * FROM x")
            assert "COMMIT;" in [line async for line in db.iterdump()]
        with pytest.raises(turso_wasm.ProgrammingError):
            await db.commit()

    asyncio.run(session())


def test_the_loop_goes_on() -> None:
    async def session() -> int:
        async with aio.connect(":memory:") as db:
            ticks = 0
            work = asyncio.ensure_future(db.execute_fetchall(f"{LONG.replace('FROM n)', 'FROM n LIMIT 2000000)')}"))
            while not work.done():
                await asyncio.sleep(0.005)
                ticks += 1
            assert work.result() == [(2_000_000,)]
        return ticks

    assert asyncio.run(session()) >= 3


def test_cancelling_interrupts() -> None:
    async def session() -> None:
        async with aio.connect(":memory:") as db:
            before = time.monotonic()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(db.execute_fetchall(LONG), 0.2)
            assert time.monotonic() - before < 10
            assert await db.execute_fetchall("SELECT 1") == [(1,)]

    asyncio.run(session())


def test_many_connections(tmp_path: Path) -> None:
    async def one(n: int) -> None:
        async with aio.connect(tmp_path / "a.db", timeout=30) as db:
            await db.execute("BEGIN IMMEDIATE")
            await db.execute("INSERT INTO t VALUES (?)", (n,))
            await db.commit()

    async def session() -> None:
        async with aio.connect(tmp_path / "a.db") as db:
            await db.execute("CREATE TABLE t(a)")
            await asyncio.gather(*map(one, range(6)))
            assert await db.execute_fetchall("SELECT count(*), sum(a) FROM t") == [(6, 15)]

    asyncio.run(session())


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    async def session() -> None:
        with pytest.raises(turso_wasm.OperationalError, match="unable to open database file"):
            await aio.connect(tmp_path / "no" / "a.db")

    asyncio.run(session())
