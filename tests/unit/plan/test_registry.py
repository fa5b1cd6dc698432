"""The registry of functions and collations that a statement is bound with, and the databases names are looked up in."""

from __future__ import annotations

import pytest

from turso_wasm.base.errors import SqlError
from turso_wasm.bind import bound, subqueries
from turso_wasm.bind.query import Query
from turso_wasm.bind.select import SelectBinder, bind_select
from turso_wasm.catalog import own
from turso_wasm.catalog.catalog import Catalog, Catalogs
from turso_wasm.catalog.functions import BUILTIN, Registry, registry_of
from turso_wasm.catalog.own import AggregateFunction, Function, Own, OwnCollation
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

assert subqueries  # registers how subqueries are bound


def table(name: str, columns: str, root: int) -> tuple[str, str, str, int, str]:
    return "table", name, name, root, f"CREATE TABLE {name}({columns})"


MAIN = Catalog(0, "main", [table("t", "main_column", 2), table("only_main", "a", 3)])
TEMP = Catalog(1, "temp", [table("t", "temp_column", 2)])
AUX = Catalog(2, "aux", [table("t", "aux_column", 2), table("u", "first", 3), table("only_aux", "a", 4)])
MORE = Catalog(3, "more", [table("u", "second", 2)])
ALL = Catalogs([MAIN, TEMP, AUX, MORE])


def bind(sql: str, registry: Registry = BUILTIN, catalogs: Catalogs = ALL) -> tuple[SelectBinder, Query]:
    statement, _ = parse_one(sql)
    assert isinstance(statement, ast.Select)
    binder = SelectBinder(catalogs, sql, registry)
    return binder, bind_select(binder, statement)


def names(sql: str, catalogs: Catalogs = ALL) -> list[str]:
    return [column.name for column in bind(sql, catalogs=catalogs)[1].columns]


def refusal(sql: str, registry: Registry = BUILTIN, catalogs: Catalogs = ALL) -> str:
    with pytest.raises(SqlError) as caught:
        bind(sql, registry, catalogs)
    return caught.value.message


# --- functions ------------------------------------------------------------------------------------------------------


def with_own(*entries: Own) -> Registry:
    return registry_of(owned(*entries))


def owned(*entries: Own) -> own.Owned:
    all_of_them: own.Owned = ()
    for entry in entries:
        all_of_them, _ = own.with_own(all_of_them, entry)
    return all_of_them


def user(name: str, n_arguments: int) -> Function:
    return Function(name, max(n_arguments, 0), n_arguments, style="user")


def test_built_in_functions_are_those_of_every_registry() -> None:
    more = with_own(user("twice", 1))
    assert BUILTIN.find_scalar("twice", 1) is None
    found = more.find_scalar("twice", 1)
    assert found is not None and (found.style, found.number) == ("user", 0)
    assert more.find_scalar("abs", 1) is BUILTIN.find_scalar("abs", 1)
    assert with_own() is BUILTIN


def test_entries_keep_their_numbers() -> None:
    entries = owned(user("a", 0), user("b", 0), OwnCollation("c"))
    assert own.with_own(entries, user("b", 0))[1] == 1
    assert own.with_own(entries, OwnCollation("C"))[1] == 2
    fewer = own.without(entries, 0)
    registry = registry_of(fewer)
    assert registry.find_scalar("a", 0) is None and registry.numbers == {"c": 2}
    assert own.number_of(fewer, user("b", 0)) == 1
    assert own.without(own.without(fewer, 1), 2) == ()


def test_own_functions_hide_built_in_ones_of_the_same_arity() -> None:
    more = with_own(user("substr", 2))
    two, three = more.find_scalar("substr", 2), more.find_scalar("substr", 3)
    assert two is not None and two.style == "user"
    assert three is not None and three.kernel == "fn_substr_3"


def test_an_exact_number_of_arguments_is_the_better_match() -> None:
    more = with_own(user("f", -1), user("f", 2))
    found = [more.find_scalar("f", n) for n in range(4)]
    assert [function and function.number for function in found] == [0, 0, 1, 0]


def test_statements_are_bound_with_their_registry() -> None:
    assert refusal("SELECT Twice(1)") == "no such function: Twice"
    more = with_own(user("twice", 1))
    binder, query = bind("SELECT Twice(1)", more)
    call = query.cores[0].outputs[0]
    assert isinstance(call, bound.Call) and (call.style, call.number) == ("user", 0)
    assert binder.calls_user
    assert refusal("SELECT twice(1, 2)", more) == "wrong number of arguments to function twice()"


def test_own_aggregates() -> None:
    more = with_own(user("x", 0), AggregateFunction("product", 1, 1))
    binder, query = bind("SELECT product(a) FROM only_main", more)
    assert [call.number for call in query.cores[0].aggregates] == [1]
    assert binder.calls_user
    hiding = with_own(user("sum", 1))
    assert hiding.find_aggregate("sum", 1) is None


def test_what_is_to_be_called_directly_is_not_called_by_a_schema() -> None:
    more = with_own(Function("f", 0, 0, style="user", direct_only=True))
    view = Catalog(0, "main", [("view", "v", "v", 0, "CREATE VIEW v AS SELECT f() AS x")])
    assert refusal("SELECT * FROM v", more, Catalogs([view])) == "unsafe use of f()"
    assert refusal("SELECT (SELECT x FROM v)", more, Catalogs([view])) == "unsafe use of f()"
    bind("SELECT f()", more)


def test_own_collations() -> None:
    more = with_own(OwnCollation("Unicase"))
    assert more.known_collation("UNICASE") == "Unicase"
    assert more.collation("nocase") == "NOCASE"
    assert BUILTIN.collation("unicase") == "unicase"
    with pytest.raises(SqlError, match=r"^no such collation sequence: unicase$"):
        BUILTIN.known_collation("unicase")


# --- databases ------------------------------------------------------------------------------------------------------


def test_temp_hides_main_and_main_hides_attached() -> None:
    assert names("SELECT * FROM t") == ["temp_column"]
    assert names("SELECT * FROM t", Catalogs([MAIN, None, AUX, MORE])) == ["main_column"]
    assert names("SELECT * FROM u") == ["first"]
    assert names("SELECT * FROM u", Catalogs([MAIN, TEMP, None, MORE])) == ["second"]
    assert names("SELECT * FROM only_aux") == ["a"]


def test_names_with_a_database() -> None:
    assert names("SELECT * FROM main.t") == ["main_column"]
    assert names("SELECT * FROM Temp.t") == ["temp_column"]
    assert names("SELECT * FROM aux.t, more.u") == ["aux_column", "second"]
    assert names("SELECT aux.t.aux_column, main.t.main_column FROM aux.t, main.t") == ["aux_column", "main_column"]
    assert refusal("SELECT * FROM temp.only_main") == "no such table: temp.only_main"
    assert refusal("SELECT * FROM nope.t") == "no such table: nope.t"
    assert refusal("SELECT * FROM nowhere") == "no such table: nowhere"


def test_a_statement_knows_the_databases_it_reads() -> None:
    assert bind("SELECT * FROM t")[0].slots == {1}
    assert bind("SELECT * FROM only_main, aux.u WHERE EXISTS (SELECT 1 FROM more.u)")[0].slots == {0, 2, 3}


def test_schema_tables_of_each_database() -> None:
    for name, slot in (
        ("sqlite_master", 0),
        ("aux.sqlite_schema", 2),
        ("sqlite_temp_master", 1),
        ("temp.sqlite_master", 1),
    ):
        assert bind(f"SELECT * FROM {name}")[0].slots == {slot}, name
