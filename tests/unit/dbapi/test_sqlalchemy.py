"""The dialect `turso+wasm`, where SQLAlchemy is installed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

sqlalchemy: Any = pytest.importorskip("sqlalchemy")


@pytest.fixture
def engine(tmp_path: Path) -> Any:
    from sqlalchemy.dialects import registry

    registry.register("turso.wasm", "turso_wasm.sqlalchemy", "TursoDialect")
    registry.register("turso.aio", "turso_wasm.sqlalchemy", "AsyncTursoDialect")
    return sqlalchemy.create_engine(f"turso+wasm:///{tmp_path / 'a.db'}")


def test_a_table(engine: Any) -> None:
    metadata = sqlalchemy.MetaData()
    table = sqlalchemy.Table(
        "t",
        metadata,
        sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True),
        sqlalchemy.Column("name", sqlalchemy.String(10), nullable=False, unique=True),
        sqlalchemy.Column("day", sqlalchemy.Date),
    )
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"name": name} for name in "abc"])
        assert connection.execute(sqlalchemy.select(table.c.name).where(table.c.id > 1)).scalars().all() == ["b", "c"]
        assert connection.execute(sqlalchemy.text("SELECT 'abc' REGEXP 'b.'")).scalar() == 1
    with pytest.raises(sqlalchemy.exc.IntegrityError, match=r"UNIQUE constraint failed: t\.name"), engine.begin() as c:
        c.execute(table.insert(), {"name": "a"})
    found = sqlalchemy.inspect(engine)
    assert [column["name"] for column in found.get_columns("t")] == ["id", "name", "day"]
    assert found.get_unique_constraints("t")[0]["column_names"] == ["name"]


def test_the_driver_is_ours(engine: Any) -> None:
    with engine.connect() as connection:
        assert type(connection.connection.dbapi_connection).__module__ == "turso_wasm.dbapi.connection"


def test_awaited(engine: Any, tmp_path: Path) -> None:
    pytest.importorskip("greenlet")
    from sqlalchemy.ext.asyncio import create_async_engine

    async def session() -> None:
        awaited = create_async_engine(f"turso+aio:///{tmp_path / 'b.db'}")
        async with awaited.begin() as connection:
            await connection.execute(sqlalchemy.text("CREATE TABLE t(a TEXT UNIQUE)"))
            await connection.execute(sqlalchemy.text("INSERT INTO t VALUES (:a)"), [{"a": n} for n in range(5)])
        async with awaited.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            rows = await connection.stream(sqlalchemy.text("SELECT a FROM t WHERE a REGEXP '[1-3]'"))
            assert [row.a async for row in rows] == ["1", "2", "3"]
            with pytest.raises(sqlalchemy.exc.IntegrityError, match=r"UNIQUE constraint failed: t\.a"):
                await connection.execute(sqlalchemy.text("INSERT INTO t VALUES (1)"))
        await awaited.dispose()

    asyncio.run(session())
