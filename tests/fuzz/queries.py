"""Productions of SELECT: cores, joins, compounds, common tables; and the scopes their expressions live in.

LIMIT comes with an ORDER BY of all that is shown; a grouped query shows its keys and aggregates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.fuzz import own
from tests.fuzz.grammar import ANY, production
from tests.fuzz.model import BLOB, BOOL, INT, REAL, TEXT, Column, Schema, Scope, Table, Visible
from tests.fuzz.windows import Windows

KINDS = (INT, INT, INT, TEXT, TEXT, REAL, BLOB, BOOL, ANY)


@dataclass(slots=True)
class Query:
    """A SELECT. columns: what it shows. order: which of these, 0-based, fix the order of its rows, first to last."""

    text: str
    columns: list[Column]
    order: tuple[int, ...] = ()


@dataclass(slots=True)
class From:
    """A FROM clause and what it brings into scope."""

    text: str
    sources: list[Visible]
    merged: set[str] = field(default_factory=set)


PRAGMA_FUNCTIONS = (
    ("pragma_table_info", ("cid", "name", "notnull", "pk")),
    ("pragma_table_xinfo", ("cid", "name", "hidden")),
    ("pragma_index_list", ("seq", "origin", "partial")),
    ("pragma_index_info", ("seqno", "cid", "name")),
    ("pragma_foreign_key_list", ("id", "seq", "on_delete")),
)
"""Functions in FROM of one argument, and columns of theirs."""


class Queries(Windows):
    """SELECT and everything in it."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.schema = Schema()
        self.common: list[Visible] = []
        self.n_aliases = 0
        self.in_returning = False
        self.in_values = False
        self.in_change = False

    def existing(self) -> list[Table]:
        return self.schema.readable

    def alias(self, prefix: str = "x") -> str:
        """A name that nothing else in the statement has."""
        self.n_aliases += 1
        return f"{prefix}{self.n_aliases}"

    # --- whole queries ---------------------------------------------------------------------------------------------

    def query(self, outer: Scope | None = None, kinds: list[str] | None = None) -> Query:
        """Any SELECT, of columns of these kinds."""
        if kinds is None:
            kinds = [self.pick(KINDS) for _ in self.few(1, 4)]
        found: Query = self.derive("query", outer, kinds)
        return found

    def subquery(self, scope: Scope | None, kinds: list[str], *, single: bool) -> str:
        if not single:
            return f"({self.query(scope, kinds).text})"
        return f"({self.derive('single', scope, kinds)})"

    @production("query", 10, leaf=True)
    def query_bare(self, outer: Scope | None, kinds: list[str]) -> Query:
        found: Query = self.derive("bare query", outer, kinds)
        return found

    @production("bare query", 4, leaf=True)
    def query_simple(self, outer: Scope | None, kinds: list[str]) -> Query:
        return self.ordered(self.derive("core", outer, kinds))

    @production("bare query", 1)
    def query_compound(self, outer: Scope | None, kinds: list[str]) -> Query:
        first: Query = self.derive("core", outer, kinds)
        text = first.text
        operators = [self.pick(("UNION ALL", "UNION ALL", "UNION", "EXCEPT", "INTERSECT")) for _ in self.few(1, 3)]
        for operator in operators:
            following: Query = self.derive("core", outer, kinds)
            text += f" {operator} {following.text}"
        ends_in_values = following.text.startswith("VALUES")
        query = Query(text, first.columns)
        # SQLite loses GROUP BY of the last SELECT, and names, when a collation orders any other compound
        collated = set(operators) == {"UNION ALL"}
        return query if ends_in_values else self.ordered(query, collated=collated)

    @production("query", 1)
    def query_with(self, outer: Scope | None, kinds: list[str]) -> Query:
        with_, outside = self.with_clause(outer)
        query: Query = self.derive("bare query", outer, kinds)
        self.common = outside
        return Query(with_ + query.text, query.columns, query.order)

    def with_clause(self, outer: Scope | None) -> tuple[str, list[Visible]]:
        """(text, the common tables that were visible before); the new ones are visible from now on."""
        outside = self.common
        self.common = list(outside)
        parts = []
        for _ in self.few(1, 2):
            name = self.alias("w")
            if self.chance(0.25):
                text, columns = self.recursive_table(name, outer)
                parts.append(text)
                self.common.append(Visible(name, columns))
                continue
            query = self.query(outer)
            columns, names = self.exposed(query, 0.5)
            hint = self.pick(("", "", "", "MATERIALIZED ", "NOT MATERIALIZED "))
            parts.append(f"{name}{names} AS {hint}({query.text})")
            self.common.append(Visible(name, columns))
        return f"WITH {self.maybe(0.05, lambda: 'RECURSIVE ')}{', '.join(parts)} ", outside

    def recursive_table(self, name: str, outer: Scope | None) -> tuple[str, list[Column]]:
        """A common table that reads itself, at most three rows deep; its last column is the depth."""
        kinds = [self.pick(KINDS) for _ in self.few(1, 2)]
        first = self.query(outer, kinds)
        columns = [*(Column(f"k{i}", kind) for i, kind in enumerate(kinds)), Column("deep", INT)]
        operator = self.pick(("UNION ALL", "UNION"))
        text = f"SELECT *, 0 FROM ({first.text}) AS {self.alias()}"
        for _ in self.few(1, 2):
            scope, from_ = Scope([Visible(name, columns)], outer), name
            if self.chance(0.3):
                other = self.source(outer)
                scope = Scope([*scope.sources, *other.sources], outer)
                from_ = self.pick(
                    (f"{name}, {other.text}", f"{other.text} JOIN {name}", f"{name} LEFT JOIN {other.text}")
                )
            items = ", ".join(self.expr(scope, kind) for kind in kinds)
            more = self.maybe(0.4, lambda scope=scope: f" AND {self.condition(scope)}")
            text += f" {operator} SELECT {items}, deep + 1 FROM {from_} WHERE deep < {self.random.randint(1, 2)}{more}"
        order = [str(at + 1) + self.pick(("", " DESC")) for at in range(len(columns))]
        text += self.maybe(0.3, lambda: f" ORDER BY {', '.join(order)}" + self.maybe(0.5, self.limit))
        return f"{name}({', '.join(column.name for column in columns)}) AS ({text})", columns

    def exposed(self, query: Query, listed: float) -> tuple[list[Column], str]:
        """The columns a query can be asked for by name, and a list of names for them (or nothing)."""
        if self.chance(listed):
            columns = [Column(f"k{i}", column.kind) for i, column in enumerate(query.columns)]
            return columns, f"({', '.join(column.name for column in columns)})"
        names = [column.name.lower() for column in query.columns]
        return [column for column in query.columns if column.name and names.count(column.name.lower()) == 1], ""

    def ordered(self, query: Query, *, collated: bool = True) -> Query:
        """With ORDER BY or LIMIT, or without. collated: a term may have a collation."""
        n = len(query.columns)
        if self.chance(0.5) or (query.text.startswith("VALUES") and (self.in_trigger or self.chance(0.95))):
            return query  # behind VALUES it is no syntax
        if self.chance(0.1):
            return Query(f"{query.text} LIMIT {self.pick(('-1', '1000', '9223372036854775807', '0'))}", query.columns)
        places = list(range(n))
        self.random.shuffle(places)
        total = self.chance(0.7)
        if not total:
            places = places[: self.random.randint(1, n)]
        terms = [self.order_term(query.columns[place], place, collated) for place in places]
        text = f"{query.text} ORDER BY {', '.join(terms)}"
        if total and self.chance(0.5):
            text += self.limit()
        return Query(text, query.columns, tuple(places))

    def order_term(self, column: Column, place: int, collated: bool) -> str:
        named = column.name and self.chance(0.3) and column.name.startswith("c_")
        term = self.name(column.name) if named else str(place + 1)
        collation = (
            self.pick(("", "", " COLLATE BINARY", " COLLATE BINARY", " COLLATE NOCASE", f" COLLATE {own.COLLATION}"))
            if collated
            else ""
        )
        direction = self.pick(("", "", " ASC", " DESC", " DESC"))
        return f"{term}{collation}{direction}{self.maybe(0.15, lambda: self.pick((' NULLS FIRST', ' NULLS LAST')))}"

    def limit(self) -> str:
        """LIMIT in one of its forms."""
        limit = self.pick(("0", "1", "2", "3", "5", "-1", "1 + 1", "(SELECT 2)", "9223372036854775807"))
        if self.chance(0.2):
            return f" LIMIT {self.random.randint(0, 2)}, {limit}"
        return f" LIMIT {limit}{self.maybe(0.4, lambda: f' OFFSET {self.random.randint(-1, 3)}')}"

    # --- queries that are values -----------------------------------------------------------------------------------

    @production("single", 3)
    def single_aggregate(self, outer: Scope | None, kinds: list[str]) -> str:
        from_ = self.from_clause(outer)
        scope = Scope(from_.sources, outer, merged=from_.merged)
        grouped = Scope(from_.sources, outer, aggregates=True, keys=[], merged=from_.merged)
        items = ", ".join(str(self.derive("aggregate", grouped, kind=kind)) for kind in kinds)
        return f"SELECT {items} FROM {from_.text}{self.where(scope, 0.6)}"

    @production("single", 2, leaf=True)
    def single_constant(self, outer: Scope | None, kinds: list[str]) -> str:
        scope = Scope([], outer)
        where = self.where(scope, 0.2)
        items = ", ".join(self.expr(scope, kind) for kind in kinds)
        return f"SELECT {items}{where}" if where or self.chance(0.9) else f"VALUES ({items})"

    @production("single", 2)
    def single_limited(self, outer: Scope | None, kinds: list[str]) -> str:
        query: Query = self.derive("core", outer, kinds)
        places = [str(place + 1) + self.pick(("", " DESC")) for place in range(len(query.columns))]
        tail = f" ORDER BY {', '.join(places)} LIMIT 1" if not query.text.startswith("VALUES") else ""
        return query.text + tail + (self.maybe(0.2, lambda: " OFFSET 1") if tail else "")

    # --- cores -----------------------------------------------------------------------------------------------------

    def where(self, scope: Scope, probability: float) -> str:
        """WHERE, or nothing."""
        return self.maybe(probability, lambda: f" WHERE {self.condition(scope)}")

    def result(self, text: str, kind: str) -> tuple[str, Column]:
        """A result column with its alias, or without."""
        if self.chance(0.45):
            alias = self.alias("c_")
            return f"{text} {self.pick(('AS ', 'AS ', ''))}{alias}", Column(alias, kind)
        bare = text.rpartition(".")[2].strip('"`[]')
        return text, Column(bare if bare.isidentifier() and bare.upper() not in _WORDS else "", kind)

    @production("core", 8)
    def core_plain(self, outer: Scope | None, kinds: list[str]) -> Query:
        from_ = self.from_clause(outer)
        scope = Scope(from_.sources, outer, merged=from_.merged)
        items = [self.result(self.expr(scope, kind), kind) for kind in kinds]
        distinct = self.pick(("", "", "", "", "DISTINCT ", "ALL "))
        text = f"SELECT {distinct}{', '.join(text for text, _ in items)} FROM {from_.text}{self.where(scope, 0.6)}"
        return Query(text, [column for _, column in items])

    @production("core", 1.5, leaf=True)
    def core_star(self, outer: Scope | None, kinds: list[str]) -> Query:
        choices = [table for table in self.existing() if len(table.columns) == len(kinds)]
        if not choices or self.in_change:  # where SQLite counts a star as one column, if a row is wanted
            return self.core_constant(outer, kinds)
        table = self.pick(choices)
        scope = Scope([Visible(table.name, table.columns, table)], outer)
        star = self.pick(("*", "*", f"{self.name(table.name)}.*"))
        return Query(f"SELECT {star} FROM {self.name(table.name)}{self.where(scope, 0.4)}", list(table.columns))

    @production("core", 1, leaf=True)
    def core_constant(self, outer: Scope | None, kinds: list[str]) -> Query:
        scope = Scope([], outer)
        items = [self.result(self.expr(scope, kind), kind) for kind in kinds]
        where = self.where(scope, 0.2)
        return Query(f"SELECT {', '.join(text for text, _ in items)}{where}", [column for _, column in items])

    @production("core", 0.8, leaf=True)
    def core_values(self, outer: Scope | None, kinds: list[str]) -> Query:
        scope = Scope([], outer)
        write = self.literal if self.chance(0.5) else lambda kind: self.expr(scope, kind)
        if self.chance(0.1) and not self.no_windows and not self.in_window and not self.in_change:
            write = lambda kind: self.window_call(scope, kind) if self.chance(0.5) else self.expr(scope, kind)  # noqa: E731
        # there SQLite takes no rows of several for a row value
        n_rows = range(1) if self.in_values or self.in_change else self.few()
        rows = [f"({', '.join(write(kind) for kind in kinds)})" for _ in n_rows]
        columns = [Column(f"column{i + 1}", kind) for i, kind in enumerate(kinds)]
        last = ")" if self.chance(0.9) else " /* no token */)"
        return Query(f"VALUES {', '.join(rows).removesuffix(')')}{last}", columns)

    @production("core", 3)
    def core_grouped(self, outer: Scope | None, kinds: list[str]) -> Query:
        from_ = self.from_clause(outer)
        scope = Scope(from_.sources, outer, merged=from_.merged)
        keys: list[tuple[str, str]] = []
        if self.chance(0.75):
            for _ in self.few(1, 2):
                kind = self.pick((INT, TEXT, ANY))
                key = self.column_of_kind(Scope(from_.sources), kind) if self.chance(0.6) else self.expr(scope, kind)
                names = any(self.name_in(key, source) for source in from_.sources) if key else False
                # to SQLite, 1 NOT NULL is 1 and x AND 0 is 0, which are places
                if key is not None and names and "?" not in key and " AND " not in key:
                    keys.append((f"({key})" if not key.replace(".", "").isidentifier() else key, kind))
        grouped = Scope(from_.sources, outer, aggregates=True, keys=keys, merged=from_.merged)
        items = [self.result(self.expr(grouped, kind), kind) for kind in kinds]
        if not keys and not any("(" in text for text, _ in items):
            items[0] = self.result(f"{self.derive('aggregate', grouped, kind=kinds[0])}", kinds[0])
        group = f" GROUP BY {', '.join(key for key, _ in keys)}" if keys else ""
        having = self.maybe(0.3, lambda: f" HAVING {self.condition(grouped)}") if keys else ""
        text = f"SELECT {', '.join(text for text, _ in items)} FROM {from_.text}{self.where(scope, 0.5)}{group}{having}"
        return Query(text, [column for _, column in items])

    def name_in(self, text: str, source: Visible) -> bool:
        """True if the text seems to name a column of the source."""
        bare = re.sub(r"'(?:[^']|'')*'", "", text)
        return any(re.search(rf"(?<!\w){re.escape(column.name)}(?!\w)", bare) for column in source.columns)

    @production("core", 1.5)
    def core_windows(self, outer: Scope | None, kinds: list[str]) -> Query:
        from_ = self.from_clause(outer)
        scope = Scope(from_.sources, merged=from_.merged)
        clause = self.maybe(0.5, lambda: self.window_clause(scope))
        items = [
            self.result(self.window_call(scope, kind) if self.chance(0.7) else self.expr(scope, kind), kind)
            for kind in kinds
        ]
        self.windows = []
        distinct = self.pick(("", "", "", "", "DISTINCT "))
        text = f"SELECT {distinct}{', '.join(text for text, _ in items)} FROM {from_.text}{self.where(scope, 0.4)}"
        return Query(text + clause, [column for _, column in items])

    # --- FROM ------------------------------------------------------------------------------------------------------

    def from_clause(self, outer: Scope | None) -> From:
        """FROM of any form."""
        found: From = self.derive("from", outer)
        return found

    @production("from", 6, leaf=True)
    def from_table(self, outer: Scope | None) -> From:
        return self.source(outer)

    def source(self, outer: Scope | None) -> From:
        """One table, subquery or common table."""
        found: From = self.derive("source", outer)
        return found

    @production("source", 8, leaf=True)
    def source_table(self, outer: Scope | None) -> From:
        tables = self.schema.tables if self.in_returning else self.existing()
        if not tables:
            return self.source_subquery(outer)
        table = self.pick(tables)
        taken = table.name.lower() in self.names_taken or (outer and table.name.lower() in outer.visible_names())
        name = self.alias() if taken or self.chance(0.5) else table.name
        self.names_taken.add(name.lower())
        text = f"{self.pick(('', '', '', f'{table.schema}.'))}{self.name(table.name)}"
        if name != table.name:
            text += f"{self.pick((' AS', ''))} {name}"
        if table.indexes and self.chance(0.1):
            text += self.pick((" NOT INDEXED", f" INDEXED BY {self.name(self.pick(table.indexes))}"))
        elif self.chance(0.03) and not table.is_view:
            text += " NOT INDEXED"
        return From(text, [Visible(name, table.columns, table)])

    @production("source", 2)
    def source_subquery(self, outer: Scope | None) -> From:
        if self.in_returning:  # SQLite asks a subquery in FROM there once, and others for each row
            return self.source_table(outer)
        query = self.query(None)
        name = self.alias()
        columns, _ = self.exposed(query, 0)
        return From(f"({query.text}){self.pick((' AS', ''))} {name}", [Visible(name, columns)])

    @production("source", 1.5, leaf=True)
    def source_common(self, outer: Scope | None) -> From:
        if not self.common or self.in_returning:
            return self.source_table(outer)
        table = self.pick(self.common)
        name = self.alias() if self.chance(0.6) or table.name in self.names_taken else table.name
        self.names_taken.add(name)
        return From(table.name if name == table.name else f"{table.name} {name}", [Visible(name, table.columns)])

    @production("source", 0.3, leaf=True)
    def source_function(self, outer: Scope | None) -> From:
        """A function; its argument is a name of the schema, or comes from an outer query."""
        if self.in_view:  # ALTER does not find the columns of those between parentheses
            return self.source_table(outer)
        name = self.alias()
        if self.chance(0.4):
            return self.json_rows(outer, name)
        if self.chance(0.1):
            # not pragma_database_list: SQLite lists temp once an ALTER has opened it
            call = self.pick(("pragma_table_list", "pragma_encoding()"))
            return From(f"{call} AS {name}", [Visible(name, [])])
        function, columns = self.pick(PRAGMA_FUNCTIONS)
        tables = self.existing()
        argument = f"'{self.pick(tables).name}'" if tables and self.chance(0.8) else "NULL"
        if self.chance(0.2):
            argument = "(SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name LIMIT 1)"
        if outer is not None and self.chance(0.3):
            argument = self.expr(outer, TEXT)
        schema = self.pick(("", "", ", 'main'", ", NULL"))
        visible = Visible(name, [Column(each, ANY) for each in columns])
        return From(f"{function}({argument}{schema}) AS {name}", [visible])

    def json_rows(self, outer: Scope | None, name: str) -> From:
        """The rows of a document."""
        call = (
            f"{self.pick(('json_each', 'json_tree', 'jsonb_each', 'jsonb_tree'))}({self.document(outer or Scope([]))}"
        )
        call += self.maybe(0.3, lambda: f", {self.path()}") + ")"
        kinds = {"key": ANY, "value": ANY, "type": TEXT, "atom": ANY, "fullkey": TEXT, "path": TEXT}
        return From(f"{call} AS {name}", [Visible(name, [Column(each, kind) for each, kind in kinds.items()])])

    @production("from", 4)
    def from_join(self, outer: Scope | None) -> From:
        left = self.from_clause(outer) if self.chance(0.3) else self.source(outer)
        right = self.source(outer)
        found: From = self.derive("join", outer, left, right)
        return found

    @production("from", 0.8)
    def from_parentheses(self, outer: Scope | None) -> From:
        if self.in_returning:  # a subquery, to SQLite
            return self.source(outer)
        if self.in_view or self.in_trigger:  # where ALTER does not find its names
            return self.from_join(outer)
        left = self.source(outer)
        inner = self.from_join(outer)  # of a single table in parentheses SQLite forgets the alias
        if inner.merged and len(inner.sources) > 2:  # to SQLite a merged column is ambiguous there
            return inner
        if self.chance(0.15):
            name = self.alias()  # which of the columns can be named, and how, SQLite does not say
            return From(f"({inner.text}) AS {name}", [Visible(name, [])])
        found: From = self.derive("join", outer, left, From(f"({inner.text})", inner.sources, inner.merged))
        return found

    def join_kind(self) -> str:
        """The words of a join that may have ON."""
        return self.pick(
            ("JOIN", "JOIN", "INNER JOIN", "LEFT JOIN", "LEFT JOIN", "LEFT OUTER JOIN", "RIGHT JOIN", "FULL JOIN",
             "CROSS JOIN", "RIGHT OUTER JOIN", "FULL OUTER JOIN")
        )  # fmt: skip

    @production("join", 6, leaf=True)
    def join_on(self, outer: Scope | None, left: From, right: From) -> From:
        sources = left.sources + right.sources
        merged = left.merged | right.merged
        a = self.column_of_kind(Scope(left.sources), INT)
        b = self.column_of_kind(Scope(right.sources), INT)
        both = Scope(sources, outer, merged=set())
        if a is None or b is None or self.chance(0.2):
            on = self.condition(both)
        else:
            a, b = self.qualified(left, a), self.qualified(right, b)
            on = f"{a} {self.pick(('=', '=', '=', '=', 'IS', '<', '>='))} {b}"
            if self.chance(0.2):
                on += f" AND {self.operand(both, BOOL)}"
        return From(f"{left.text} {self.join_kind()} {right.text} ON {on}", sources, merged)

    def qualified(self, from_: From, column: str) -> str:
        """A column's name that is not mistaken for one of the other side."""
        if "." in column:
            return column
        bare = column.strip('"`[]').lower()
        for source in from_.sources:
            for each in source.columns:
                if each.name.lower() == bare:
                    return self.plain_column(each, source.name)
        return column

    @production("join", 1.5, leaf=True)
    def join_without_condition(self, outer: Scope | None, left: From, right: From) -> From:
        operator = self.pick((",", ",", " CROSS JOIN", " JOIN"))
        return From(f"{left.text}{operator} {right.text}", left.sources + right.sources, left.merged | right.merged)

    @production("join", 1.2, leaf=True)
    def join_using(self, outer: Scope | None, left: From, right: From) -> From:
        names = [column.name for source in left.sources for column in source.columns]
        if not all(source.columns for source in (*left.sources, *right.sources)):
            return self.join_on(outer, left, right)
        shared = [
            column.name
            for column in right.sources[0].columns
            if len(right.sources) == 1 and sum(name.lower() == column.name.lower() for name in names) == 1
        ]
        if not shared:
            return self.join_on(outer, left, right)
        kind = self.join_kind()
        if kind.startswith(("RIGHT", "FULL")) and " ON " in left.text:
            return self.join_on(outer, left, right)  # a name in that ON would mean the right side, too
        chosen = self.random.sample(shared, self.random.randint(1, min(2, len(shared))))
        using = ", ".join(self.name(name) for name in chosen)
        merged = left.merged | right.merged | {name.lower() for name in chosen}
        text = f"{left.text} {kind} {right.text} USING ({using})"
        return From(text, left.sources + right.sources, merged)

    @production("join", 0.4, leaf=True)
    def join_natural(self, outer: Scope | None, left: From, right: From) -> From:
        if (
            len(left.sources) > 1
            or len(right.sources) > 1
            or not (left.sources[0].columns and right.sources[0].columns)
        ):
            return self.join_on(outer, left, right)
        names = {column.name.lower() for column in left.sources[0].columns}
        merged = names & {column.name.lower() for column in right.sources[0].columns}
        kind = self.pick(("", "LEFT ", "RIGHT ", "FULL OUTER ", "INNER ", "CROSS "))
        return From(f"{left.text} NATURAL {kind}JOIN {right.text}", left.sources + right.sources, merged)

    @property
    def names_taken(self) -> set[str]:
        """Names of sources that the statement has used."""
        return self._names_taken

    def start_statement(self) -> None:
        """Forget what belonged to the statement before."""
        self.nodes = 0
        self.max_depth, self.max_nodes = self.pick(((3, 20), (4, 40), (5, 60), (5, 60), (7, 100), (10, 160)))
        self.n_aliases = 0
        self.common = []
        self.windows = []
        self.no_windows = False
        self._names_taken: set[str] = set()
        self.named = {}
        self.parameters = [] if self.chance(0.3) else None


_WORDS = {"NULL", "TRUE", "FALSE", "END", "ROWID", "OID", "_ROWID_"}
"""What is no name of a column, or one that SQLite calls this in a subquery and that in a view."""
