"""Productions of expressions.

Values are determined: what changes from run to run is asked only for its type; a subquery used as a value gives one
row or is ordered by all it shows; sums are of small whole numbers.
"""

from __future__ import annotations

import re

from tests.fuzz import own
from tests.fuzz.grammar import ANY, Grammar, production
from tests.fuzz.model import BLOB, BOOL, INT, REAL, TEXT, Column, Scope, Table, quote_name

INTEGERS = (0, 0, 1, 1, 2, 3, 5, 7, 10, 44, 100, 1000)
BIG = (2147483647, 2147483648, 4611686018427387904, 9007199254740993, 9223372036854775807)
REALS = ("0.0", "0.5", "1.0", "1.5", "2.75", ".25", "10.", "1e2", "1.5E+3", "5e-1", "1_0.5", "1e300")
TEXTS = ("", "a", "b", "B", "A", "abc", "Abc", "abc ", "x y", "1", "10", "9", "1e2", "-3", "0.5", " 7", "3x")
WIDE_TEXTS = ("naïve", "日本", "%", "a_c", "it''s", "ẞ", "true", "2024-02-29", "x\ty")
BLOBS = ("x''", "x'00'", "X'61'", "x'6162'", "x'FF00'", "x'31'")
COLLATIONS = ("NOCASE", "BINARY", "RTRIM", "nocase", '"nocase"')
TYPE_NAMES = ("INTEGER", "INT", "TEXT", "REAL", "NUMERIC", "BLOB", "VARCHAR(10)", "DECIMAL(10, -2)", "DOUBLE PRECISION")
COMPARISONS = ("=", "==", "<>", "!=", "<", "<=", ">", ">=", "IS", "IS NOT", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
INTEGER_CALLS = ("length", "unicode", "octet_length", "sign", "abs", "round", own.NUMBER)
REAL_CALLS = ("ceil", "floor", "trunc", "round", "sqrt", "abs", "degrees")
TEXT_CALLS = ("lower", "upper", "hex", "trim", "ltrim", "rtrim", "quote", "typeof", "unistr_quote", own.TEXT)
PATTERNS = ("'a%'", "'%'", "'_'", "'%b_'", "'A%'", "'1%'", "''", "'a\\%'", "'abc'")
GLOBS = ("'a*'", "'*'", "'?'", "'[a-c]*'", "'[^a]*'", "'A*'", "'1*'", "''")
SIMPLE = re.compile(r"[\w.]+|'[^']*'|\w+\([^()]*\)|\([^()]*\)")


class Expressions(Grammar):
    """Everything an expression can be. `scope` says what it may name."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.parameters: list[object] | None = None  # None: none may be written
        self.named: dict[str, object] = {}
        self.no_windows = False
        self.in_trigger = False
        self.in_view = False

    # what the class of queries gives -------------------------------------------------------------------------------

    def subquery(self, scope: Scope | None, kinds: list[str], *, single: bool) -> str:
        """A SELECT for use in an expression; single: of at most one row, the same at every run."""
        raise NotImplementedError

    def existing(self) -> list[Table]:
        """Tables and views to choose from."""
        raise NotImplementedError

    # --- entrances -------------------------------------------------------------------------------------------------

    def expr(self, scope: Scope, kind: str = ANY) -> str:
        """An expression that mostly gives values of that kind."""
        if kind != ANY and self.chance(0.08):
            kind = ANY
        return str(self.derive("expr", scope, kind=kind))

    def operand(self, scope: Scope, kind: str = ANY) -> str:
        """An expression as a part of a larger one, mostly in parentheses."""
        text = self.expr(scope, kind)
        if SIMPLE.fullmatch(text) and self.chance(0.9):
            return text
        return f"({text})" if self.chance(0.85) else text

    def condition(self, scope: Scope) -> str:
        """An expression that is mostly true, false or NULL."""
        return self.expr(scope, BOOL)

    # --- leaves ----------------------------------------------------------------------------------------------------

    @production("expr", 9, leaf=True, kinds="int real text blob bool")
    def expr_column(self, scope: Scope, kind: str) -> str:
        found = self.column_of_kind(scope, kind)
        return found if found is not None else str(self.derive("literal", kind=kind))

    def column_of_kind(self, scope: Scope, kind: str) -> str | None:
        """A column in scope, preferably of that kind; None if there is none."""
        if scope.keys is not None:
            fitting = [text for text, has in scope.keys if has == kind] or [text for text, _ in scope.keys]
            if fitting and self.chance(0.6):
                return self.pick(fitting)
            return str(self.derive("aggregate", scope, kind=kind)) if scope.aggregates else None
        here = scope
        outward = False
        while here.outer is not None and (not here.sources or self.chance(0.25)):
            here, outward = here.outer, True
            if here.keys is not None:
                fitting = [text for text, _ in here.keys if "(" not in text and "." in text]
                return self.pick(fitting) if fitting else None
        pairs = [(source, column) for source in here.sources for column in source.columns if not column.hidden]
        fitting_pairs = [pair for pair in pairs if pair[1].kind == kind]
        if kind == BOOL:
            fitting_pairs = [pair for pair in pairs if pair[1].kind == INT]
        choices = fitting_pairs if fitting_pairs and self.chance(0.85) else pairs
        if not choices:
            return None
        source, column = self.pick(choices)
        if source.has_rowid and self.chance(0.03):
            return f"{self.name(source.name)}.{'rowid' if self.in_view else self.pick(('rowid', '_rowid_', 'oid'))}"
        bare = not source.name or (not outward and not here.is_ambiguous(column.name) and self.chance(0.5))
        if bare:
            return self.name(column.name)
        if source.table is not None and source.name == source.table.name and self.chance(0.1) and not outward:
            return f"{source.table.schema}.{self.name(source.name)}.{self.name(column.name)}"
        return f"{self.name(source.name)}.{self.name(column.name)}"

    def name(self, name: str) -> str:
        """A name, sometimes in quotes, always where it needs them."""
        if not re.fullmatch(r"[A-Za-z_]\w*", name) or name.lower() in ("select", "order", "group", "table", "true"):
            return quote_name(name, self.pick(('"', "`", "[")) if "]" not in name else '"')
        return quote_name(name, self.pick(('"', "`", "["))) if self.chance(0.05) else name

    @production("expr", 5, leaf=True, kinds="int real text blob bool")
    def expr_literal(self, scope: Scope, kind: str) -> str:
        if self.parameters is not None and self.chance(0.3):
            return str(self.derive("parameter", kind=kind))
        return str(self.derive("literal", kind=kind))

    def literal(self, kind: str = ANY) -> str:
        """A literal that mostly is of that kind."""
        return str(self.derive("literal", kind=kind if self.chance(0.9) else ANY))

    @production("literal", 6, leaf=True, kinds="int bool")
    def literal_integer(self, kind: str) -> str:
        return str(self.pick(INTEGERS))

    @production("literal", 0.3, leaf=True, kinds="int bool")
    def literal_unusual_integer(self, kind: str) -> str:
        big = str(self.pick(BIG))
        return self.pick((big, "-" + big, "0x1F", "0XfF", "1_000", "-9223372036854775808", "9223372036854775808",
                          "0x7fffffffffffffff", "0x8000000000000000", "0x1_0"))  # fmt: skip

    @production("literal", 3, leaf=True, kinds="real")
    def literal_real(self, kind: str) -> str:
        return self.pick(REALS)

    @production("literal", 6, leaf=True, kinds="text")
    def literal_text(self, kind: str) -> str:
        return f"'{self.pick(TEXTS)}'" if self.chance(0.85) else f"'{self.pick(WIDE_TEXTS)}'"

    @production("literal", 2, leaf=True, kinds="blob")
    def literal_blob(self, kind: str) -> str:
        return self.pick(BLOBS)

    @production("literal", 1, leaf=True, kinds="int real text blob bool")
    def literal_null(self, kind: str) -> str:
        return "NULL"

    @production("literal", 1, leaf=True, kinds="bool")
    def literal_truth(self, kind: str) -> str:
        return self.pick(("TRUE", "FALSE", "true", "False"))

    @production("parameter", 3, leaf=True, kinds="int real text blob bool")
    def parameter_plain(self, kind: str) -> str:
        return self.bind("?", kind)

    @production("parameter", leaf=True, kinds="int real text blob bool")
    def parameter_numbered(self, kind: str) -> str:
        assert self.parameters is not None
        if self.parameters and self.chance(0.5):
            return f"?{self.random.randrange(len(self.parameters)) + 1}"
        return self.bind(f"?{len(self.parameters) + 1}", kind)

    @production("parameter", leaf=True, kinds="int real text blob bool")
    def parameter_named(self, kind: str) -> str:
        assert self.parameters is not None
        name = f"{self.pick((':', '@', '$'))}p{self.random.randint(1, 3)}"
        if name in self.named:
            return name
        self.named[name] = None
        return self.bind(name, kind)

    def bind(self, text: str, kind: str) -> str:
        """Note a value for the parameter that is written as `text`."""
        assert self.parameters is not None
        values: dict[str, tuple[object, ...]] = {
            INT: (0, 1, 2, 3, -1, 10, 2**62),
            BOOL: (0, 1, None),
            REAL: (0.5, -1.5, 2.0, 1e100),
            TEXT: ("a", "B", "", "10", "naïve"),
            BLOB: (b"", b"a", b"\x00\xff"),
        }
        choices = values[kind] if kind in values else [each for some in values.values() for each in some]
        self.parameters.append(self.pick(choices))
        return text

    @production("expr", 0.3, leaf=True, kinds="text int")
    def expr_moment(self, scope: Scope, kind: str) -> str:
        moment = self.pick(("CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "random()", "sqlite_version()"))
        return f"typeof({moment})" if kind != INT else f"({moment} IS NULL)"

    @production("expr", 0.1, leaf=True, kinds="text")
    def expr_quoted_string(self, scope: Scope, kind: str) -> str:
        return '"no column"' if scope.sources and not scope.constant else "'no column'"

    # --- operators -------------------------------------------------------------------------------------------------

    @production("expr", 3, kinds="int real")
    def expr_arithmetic(self, scope: Scope, kind: str) -> str:
        operator = self.pick(("+", "-", "*", "/", "%")) if kind != REAL else self.pick("+-*/")
        return f"{self.operand(scope, kind)} {operator} {self.operand(scope, kind)}"

    @production("expr", 1, kinds="int")
    def expr_bits(self, scope: Scope, kind: str) -> str:
        return f"{self.operand(scope, INT)} {self.pick(('&', '|', '<<', '>>'))} {self.operand(scope, INT)}"

    @production("expr", 2.5, kinds="int real bool")
    def expr_sign(self, scope: Scope, kind: str) -> str:
        signs = " ".join(self.pick("-+~" if kind == INT else "-+") for _ in self.few(1, 4))
        return f"{signs} {self.operand(scope, kind)}"

    @production("expr", 1.5, kinds="text")
    def expr_concatenation(self, scope: Scope, kind: str) -> str:
        return f"{self.operand(scope, TEXT)} || {self.operand(scope, TEXT)}"

    @production("expr", 6, kinds="bool")
    def expr_comparison(self, scope: Scope, kind: str) -> str:
        of = self.pick((INT, INT, TEXT, REAL, ANY))
        return f"{self.operand(scope, of)} {self.pick(COMPARISONS)} {self.operand(scope, of)}"

    @production("expr", 1, kinds="bool")
    def expr_is_truth(self, scope: Scope, kind: str) -> str:
        words = ("TRUE", "FALSE", "NULL") if not scope.constant else ("NULL",)  # in a DEFAULT, FALSE is 0 to SQLite
        return f"{self.operand(scope, ANY)} IS {self.pick(('', 'NOT '))}{self.pick(words)}"

    @production("expr", 1.5, kinds="bool")
    def expr_is_null(self, scope: Scope, kind: str) -> str:
        return f"{self.operand(scope, ANY)} {self.pick(('ISNULL', 'NOTNULL', 'NOT NULL', 'IS NULL', 'IS NOT NULL'))}"

    @production("expr", 4, kinds="bool")
    def expr_logic(self, scope: Scope, kind: str) -> str:
        return f"{self.operand(scope, BOOL)} {self.pick(('AND', 'OR'))} {self.operand(scope, BOOL)}"

    @production("expr", 1.5, kinds="bool")
    def expr_not(self, scope: Scope, kind: str) -> str:
        return f"NOT {self.operand(scope, BOOL)}"

    @production("expr", 1, kinds="text")
    def expr_collate(self, scope: Scope, kind: str) -> str:
        return f"{self.operand(scope, TEXT)} COLLATE {self.pick((*COLLATIONS, own.COLLATION))}"

    @production("expr", 1.5, kinds="bool")
    def expr_like(self, scope: Scope, kind: str) -> str:
        negated = self.pick(("", "", "NOT "))
        if self.chance(0.35):
            pattern = self.pick(GLOBS) if self.chance(0.8) else self.operand(scope, TEXT)
            return f"{self.operand(scope, TEXT)} {negated}GLOB {pattern}"
        pattern = self.pick(PATTERNS) if self.chance(0.8) else self.operand(scope, TEXT)
        escape = self.maybe(0.2, lambda: " ESCAPE '\\'")
        return f"{self.operand(scope, TEXT)} {negated}LIKE {pattern}{escape}"

    @production("expr", 0.02, kinds="bool")
    def expr_match(self, scope: Scope, kind: str) -> str:
        if scope.constant:
            return self.expr_like(scope, kind)
        return f"{self.operand(scope, TEXT)} {self.pick(('', 'NOT '))}REGEXP 'a'"  # MATCH fails where it is asked

    @production("expr", 2, kinds="bool")
    def expr_between(self, scope: Scope, kind: str) -> str:
        of = self.pick((INT, INT, TEXT, REAL, ANY))
        low = self.operand(scope, of) if self.chance(0.995) else f"{self.operand(scope)} OR {self.operand(scope)}"
        between = f"{self.pick(('', '', 'NOT '))}BETWEEN"
        return f"{self.operand(scope, of)} {between} {low} AND {self.operand(scope, of)}"

    @production("expr", 2, kinds="bool")
    def expr_in_list(self, scope: Scope, kind: str) -> str:
        of = self.pick((INT, INT, TEXT, REAL, ANY))
        if self.chance(0.4):  # one parameter of any length (sql.lexer LISTS)
            items = [self.literal(of) for _ in range(self.pick((2, 2, 3, 4, 5, 8, 9, 20)))]
        else:
            # SQLite's RENAME does not look into x IN ()
            n = self.random.randint(1 if scope.constant or self.in_view or self.in_trigger else 0, 4)
            items = [self.literal(of) if self.chance(0.7) else self.expr(scope, of) for _ in range(n)]
        comma = self.pick((", ", ", ", ", ", ", /* one */ "))
        return f"{self.operand(scope, of)} {self.pick(('', '', 'NOT '))}IN ({comma.join(items)})"

    @production("expr", 1.5, kinds="bool")
    def expr_in_select(self, scope: Scope, kind: str) -> str:
        if scope.constant:
            return self.expr_in_list(scope, kind)
        of = self.pick((INT, INT, TEXT, ANY))
        return f"{self.operand(scope, of)} {self.pick(('', '', 'NOT '))}IN {self.subquery(scope, [of], single=False)}"

    @production("expr", 0.4, kinds="bool")
    def expr_in_table(self, scope: Scope, kind: str) -> str:
        narrow = [table for table in self.existing() if len(table.columns) == 1]
        if not narrow or scope.constant:
            return self.expr_in_list(scope, kind)
        table = self.pick(narrow)
        schema = self.pick(("", "", f"{table.schema}."))
        return f"{self.operand(scope)} {self.pick(('', 'NOT '))}IN {schema}{self.name(table.name)}"

    @production("expr", 0.02, kinds="bool")
    def expr_in_function(self, scope: Scope, kind: str) -> str:
        if scope.constant:
            return self.expr_in_list(scope, kind)
        return f"{self.operand(scope)} IN {self.pick(('pragma_user_version()', 'pragma_encoding()'))}"

    @production("expr", 1, kinds="bool")
    def expr_rows(self, scope: Scope, kind: str) -> str:
        kinds = [self.pick((INT, TEXT, ANY)) for _ in self.few(2, 3)]
        left = self.row_value(scope, kinds)
        which = self.random.random()
        if which < 0.5 or scope.constant:
            return f"{left} {self.pick(COMPARISONS)} {self.row_value(scope, kinds)}"
        if which < 0.6:
            return f"{left} BETWEEN {self.row_value(scope, kinds)} AND {self.row_value(scope, kinds)}"
        if which < 0.7:
            rows = [self.row_value(scope, kinds) for _ in self.few(1, 3)]
            return f"{left} {self.pick(('', 'NOT '))}IN ({', '.join(rows)})"
        if which < 0.8:
            return f"{left} {self.pick(('', 'NOT '))}IN {self.subquery(scope, kinds, single=False)}"
        return f"{left} {self.pick(('=', '<', 'IS', '<='))} {self.subquery(scope, kinds, single=True)}"

    def row_value(self, scope: Scope, kinds: list[str]) -> str:
        return f"({', '.join(self.expr(scope, kind) for kind in kinds)})"

    # --- forms -----------------------------------------------------------------------------------------------------

    @production("expr", 1.5, kinds="int real text blob bool")
    def expr_case(self, scope: Scope, kind: str) -> str:
        if self.chance(0.5):
            whens = [f"WHEN {self.condition(scope)} THEN {self.expr(scope, kind)}" for _ in self.few()]
            head = "CASE"
        else:
            of = self.pick((INT, TEXT, ANY))
            head = f"CASE {self.expr(scope, of)}"
            whens = [f"WHEN {self.expr(scope, of)} THEN {self.expr(scope, kind)}" for _ in self.few()]
        otherwise = self.maybe(0.6, lambda: f"ELSE {self.expr(scope, kind)} ")
        return f"{head} {' '.join(whens)} {otherwise}END"

    @production("expr", 1.5, kinds="int real text blob")
    def expr_cast(self, scope: Scope, kind: str) -> str:
        types = {INT: "INTEGER", REAL: "REAL", TEXT: "TEXT", BLOB: "BLOB"}
        to = types[kind] if kind in types and self.chance(0.8) else self.pick(TYPE_NAMES)
        if to == "TEXT" or "CHAR" in to:
            return f"CAST({self.expr(scope, self.pick((INT, REAL, TEXT)))} AS {to})"
        return f"CAST({self.expr(scope)} AS {to})"

    @production("expr", 1.5, kinds="int real text blob bool")
    def expr_subquery(self, scope: Scope, kind: str) -> str:
        return self.literal(kind) if scope.constant else self.subquery(scope, [kind], single=True)

    @production("expr", 1, kinds="bool")
    def expr_exists(self, scope: Scope, kind: str) -> str:
        if scope.constant:
            return self.expr_comparison(scope, kind)
        return f"{self.pick(('', 'NOT '))}EXISTS {self.subquery(scope, [ANY for _ in self.few()], single=False)}"

    @production("expr", 0.01, kinds="bool")
    def expr_raise(self, scope: Scope, kind: str) -> str:
        if not self.in_trigger:  # SQLite refuses what is not dropped as dead code
            return self.expr_comparison(scope, kind)
        return self.pick(("RAISE(IGNORE)", "RAISE(ABORT, 'no')", "RAISE(FAIL, 'no')", "RAISE(ROLLBACK, 'x' || 1)"))

    # --- functions -------------------------------------------------------------------------------------------------

    @production("expr", 1.5, kinds="int real text")
    def expr_call(self, scope: Scope, kind: str) -> str:
        if kind == REAL:
            return f"{self.pick(REAL_CALLS)}({self.expr(scope, REAL)})"
        if kind == INT:
            function = self.pick(INTEGER_CALLS)
            small = f"{self.operand(scope, INT)} % 1000"
            return f"{function}({small if function == 'abs' else self.expr(scope, TEXT)})"
        return f"{self.pick(TEXT_CALLS)}({self.expr(scope, self.pick((TEXT, ANY)))})"

    @production("expr", 1.5, kinds="int real text blob bool")
    def expr_choice(self, scope: Scope, kind: str) -> str:
        function = self.pick(("coalesce", "ifnull", "nullif", "iif", "min", "max", "if"))
        if function in ("iif", "if"):
            more = self.maybe(0.8, lambda: f", {self.expr(scope, kind)}")
            return f"{function}({self.condition(scope)}, {self.expr(scope, kind)}{more})"
        n = range(2) if function in ("ifnull", "nullif") else self.few(2, 4)
        return f"{function}({', '.join(self.expr(scope, kind) for _ in n)})"

    @production("expr", 0.7, kinds="bool int")
    def expr_hint(self, scope: Scope, kind: str) -> str:
        return self.pick(("likely({})", "unlikely({})", "likelihood({}, 0.25)")).format(self.expr(scope, kind))

    @production("expr", 1, kinds="text")
    def expr_text_call(self, scope: Scope, kind: str) -> str:
        text = self.expr(scope, TEXT)
        n, m = self.random.randint(-3, 4), self.random.randint(-2, 4)
        return self.pick(
            (
                f"substr({text}, {n})", f"substr({text}, {n}, {m})", f"replace({text}, 'a', 'bb')",
                f"trim({text}, 'ab')", f"printf('%d %s %.2f', 7, {text}, 1.5)", f"concat({text}, NULL, 1)",
                f"concat_ws('-', {text}, {self.expr(scope)})", f"format('%5s|%-3d', {text}, {self.expr(scope, INT)})",
                f"char(65, {self.random.randint(66, 90)})", f"strftime('%Y-%m', {text})", f"date({text}, '+1 day')",
                f"hex(zeroblob({abs(n)}))", f"quote(unhex({text}))", f"unistr({text})",
                f"datetime({self.random.randint(0, 10**9)}, 'unixepoch')",
            )
        )  # fmt: skip

    @production("expr", 0.3, kinds="text int")
    def expr_library(self, scope: Scope, kind: str) -> str:
        value = self.pick((f"hex({self.expr(scope)})", f"quote({self.literal(TEXT)})"))
        return self.pick(own.LIBRARY_TEXTS if kind == TEXT else own.LIBRARY_NUMBERS).format(value)

    @production("expr", 0.6, kinds="int bool")
    def expr_integer_call(self, scope: Scope, kind: str) -> str:
        return self.pick(
            (
                f"instr({self.expr(scope, TEXT)}, {self.literal(TEXT)})",
                f"like({self.pick(PATTERNS)}, {self.expr(scope, TEXT)})",
                f"glob({self.pick(GLOBS)}, {self.expr(scope, TEXT)})",
                f"like({self.pick(PATTERNS)}, {self.expr(scope, TEXT)}, '\\')",
                f"unixepoch({self.literal(TEXT)})",
            )
        )

    # --- aggregates ----------------------------------------------------------------------------------------------

    @production("expr", 1, kinds="int real text bool")
    def expr_aggregate(self, scope: Scope, kind: str) -> str:
        if not scope.aggregates:
            return self.expr_column(scope, kind)
        return str(self.derive("aggregate", scope, kind=kind))

    def inside(self, scope: Scope) -> Scope:
        """The scope of an aggregate's arguments."""
        return Scope(scope.sources, merged=scope.merged)

    def filter(self, scope: Scope) -> str:
        """FILTER, sometimes."""
        return self.maybe(0.12, lambda: f" FILTER (WHERE {self.condition(self.inside(scope))})")

    @production("aggregate", 2, leaf=True, kinds="int bool")
    def aggregate_count(self, scope: Scope, kind: str) -> str:
        if self.chance(0.4):
            return f"{self.pick(('count(*)', 'count()'))}{self.filter(scope)}"
        quantifier = self.pick(("", "", "ALL ", "DISTINCT ", "DISTINCT "))
        return f"count({quantifier}{self.expr(self.inside(scope))}){self.filter(scope)}"

    @production("aggregate", 2, leaf=True, kinds="int bool real")
    def aggregate_sum(self, scope: Scope, kind: str) -> str:
        name = self.pick(("sum", "total", "avg", own.AGGREGATE))
        quantifier = self.pick(("", "", "", "DISTINCT "))
        argument = f"CAST({self.expr(self.inside(scope), INT)} AS INTEGER) % 1000"
        return f"{name}({quantifier}{argument}){self.filter(scope)}"

    @production("aggregate", 0.5, leaf=True, kinds="real")
    def aggregate_percentile(self, scope: Scope, kind: str) -> str:
        call = self.pick(("median({})", "percentile({}, 25)", "percentile_cont({}, 0.9)", "percentile_disc({}, 0.4)"))
        quantifier = self.pick(("", "", "", "DISTINCT ")) if call.startswith("median") else ""
        return call.format(f"{quantifier}{self.expr(self.inside(scope), INT)} % 1000") + self.filter(scope)

    @production("aggregate", 3, leaf=True, kinds="int real text blob bool")
    def aggregate_extreme(self, scope: Scope, kind: str) -> str:
        quantifier = self.pick(("", "", "", "", "DISTINCT "))
        return f"{self.pick(('min', 'max'))}({quantifier}{self.expr(self.inside(scope), kind)}){self.filter(scope)}"

    @production("aggregate", 1, leaf=True, kinds="text")
    def aggregate_text(self, scope: Scope, kind: str) -> str:
        inner = self.inside(scope)
        argument = self.column_of_kind(inner, TEXT) or "'a'"
        call = self.pick(("group_concat({})", "group_concat({}, '-' {})", "string_agg({}, ',' {})"))
        order = f"ORDER BY {argument}{self.pick(('', ' ASC', ' DESC', ' COLLATE BINARY', ' NULLS LAST'))}"
        if call.count("{}") == 1:
            return call.format(f"{argument} {order}") + self.filter(scope)
        return call.format(argument, order) + self.filter(scope)

    def plain_column(self, column: Column, source: str) -> str:
        """A qualified column."""
        return f"{self.name(source)}.{self.name(column.name)}"
