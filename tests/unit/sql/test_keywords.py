"""Every keyword in every place where a name can stand: a name or not, exactly as for SQLite."""

from __future__ import annotations

import contextlib

import apsw
import pytest

from tests.oracle.parser import MetLater, our_refusal, sqlite_refusal
from turso_wasm.sql.keywords import KEYWORDS

PLACES = """
savepoint {}|create table x ({})|select {} from x|select 1 {}|select 1 as {}|select 1 from (select 1) {}|select {}(1)
select 1 collate {}|create table x (a {})|create table x (a int {})|pragma foo = {}|create table x (a default {})
select x.{}|select {}.x|select {}.*|select 1 from a join b using ({})|with {} as (select 1) select 1
select sum(1) over {}|select sum(1) over ({} order by 1)|create virtual table x using {}|begin transaction {}|begin {}
select 1 from {}|select 1 from x {}|select 1 from x {} where 1|select 1 from a indexed by {}|create table x (a) {}
select 1 in {}|select 1 is {}|select cast(1 as {})|create table x (a references {})|update {} set a = 1
update x set {} = 1|insert into x as {} values (1)|select raise(abort, {})|attach 'x' as {}|delete from x returning a {}
create table x (a constraint {})|alter table x drop {}|alter table x add {}|alter table x rename {} to y
select 1 + {} + 1
create {} table x (a)|drop {} x|{} x|explain {}|create trigger {} insert on t begin select 1; end|order by {}|select {}
"""


def places() -> list[str]:
    return [place for line in PLACES.split("\n") for place in line.split("|") if place]


def test_the_keywords_are_sqlites() -> None:
    assert apsw.keywords == KEYWORDS


@pytest.mark.parametrize("place", places())
def test_a_keyword_is_a_name_where_sqlite_takes_it_for_one(place: str) -> None:
    for word in sorted(KEYWORDS):
        for sql in (place.format(word), place.format(word.lower()) + " foo bar"):
            if ("RETURNING" in sql.upper() and word in ("ORDER", "LIMIT")) or "explain code" in sql.lower():
                continue  # our extensions
            with contextlib.suppress(MetLater):
                assert our_refusal(sql) == sqlite_refusal(sql), sql
