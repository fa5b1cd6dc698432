"""Productions of JSON: documents, what is asked of them and made of them.

What stands where a document is wanted is one, or NULL: a text that is none fails wherever it is asked. So of columns
only what is no document but becomes part of one is taken, and never a BLOB.
"""

from __future__ import annotations

from tests.fuzz.expressions import Expressions
from tests.fuzz.grammar import production
from tests.fuzz.model import INT, TEXT, Scope

DOCUMENTS = (
    "[]", "{}", '[1,2.5,"x",null,true]', '{"a":1,"b":[1,{"c":"d"}],"a b":null}', '"s"', "3", "null", "-0.0", "1e3",
    "[[1],[2,[3]]]", '{"a":{"b":{"c":[1,2,3]}}}', '[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]',
    '{"a":1,"a":2}', '["\\\\u00e9\\\\n", "日本"]',
)  # fmt: skip
JSON5 = ("{a:1,'b':+.5,}", "[0x1F, // one\n 2]", "[Infinity, -Infinity, NaN]", "['\\x41']", "[.5, 5., +3]")
PATHS = ("$", "$.a", "$.b[1].c", "$[0]", "$[#-1]", "$[1]", '$."a b"', "$.b", "$.x", "$[#]", "$.a.b.c[#-2]", "$[2][0]")
ARROWS = ("'$.a'", "'a'", "0", "-1", "'$[1]'", "'b'", "'a b'", "'$.x'")
EDITS = ("json_set", "json_insert", "json_replace", "jsonb_set", "jsonb_insert", "jsonb_replace")


def quoted(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("\\'", "'").replace("'", "''") + "'"


class Json(Expressions):
    """Calls of JSON functions."""

    def path(self) -> str:
        """A path that is well-formed."""
        return quoted(self.pick(PATHS))

    def element(self, scope: Scope) -> str:
        """A value that can be part of a document."""
        if self.chance(0.4):
            return self.document(scope)
        return self.pick(
            (
                f"CAST({self.expr(scope, INT)} AS INTEGER) % 1000",
                f"quote({self.expr(scope, TEXT)})",
                f"typeof({self.expr(scope)})",
                str(self.random.randint(-5, 99)),
                "0.5",
                "'it is'",
                "'[1]'",
                "NULL",
            )
        )

    # --- documents -------------------------------------------------------------------------------------------------

    def document(self, scope: Scope) -> str:
        """A document, as text, as JSONB, or NULL."""
        return str(self.derive("json", scope))

    @production("json", 6, leaf=True)
    def json_literal(self, scope: Scope) -> str:
        return quoted(self.pick(DOCUMENTS))

    @production("json", 1, leaf=True)
    def json_null(self, scope: Scope) -> str:
        return "NULL"

    @production("json", 2)
    def json_parsed(self, scope: Scope) -> str:
        return f"{self.pick(('json', 'jsonb', 'json_pretty', 'json'))}({self.document(scope)})"

    @production("expr", 0.05, leaf=True, kinds="text")
    def expr_json5(self, scope: Scope, kind: str) -> str:
        """JSON5, to be read and written once: what SQLite remembers of it shows in JSONB."""
        return f"json({quoted(self.pick(JSON5))})"

    @production("json", 2)
    def json_array(self, scope: Scope) -> str:
        return f"{self.pick(('json_array', 'jsonb_array'))}({', '.join(self.element(scope) for _ in self.few(0, 4))})"

    @production("json", 2)
    def json_object(self, scope: Scope) -> str:
        members = (f"'{self.pick('abcdx')}', {self.element(scope)}" for _ in self.few(0, 3))
        return f"{self.pick(('json_object', 'jsonb_object'))}({', '.join(members)})"

    @production("json", 2)
    def json_edited(self, scope: Scope) -> str:
        edits = (f", {self.path()}, {self.element(scope)}" for _ in self.few(1, 2))
        return f"{self.pick(EDITS)}({self.document(scope)}{''.join(edits)})"

    @production("json", 1)
    def json_cut(self, scope: Scope) -> str:
        if self.chance(0.4):
            return f"{self.pick(('json_patch', 'jsonb_patch'))}({self.document(scope)}, {self.document(scope)})"
        paths = (f", {self.path()}" for _ in self.few(0, 2))
        return f"{self.pick(('json_remove', 'jsonb_remove'))}({self.document(scope)}{''.join(paths)})"

    @production("json", 1)
    def json_part(self, scope: Scope) -> str:
        return f"({self.document(scope)} -> {self.pick(ARROWS)})"

    # --- what is asked of them -------------------------------------------------------------------------------------

    @production("expr", 0.5, kinds="text blob")
    def expr_json(self, scope: Scope, kind: str) -> str:
        return self.document(scope)

    @production("expr", 0.8, kinds="int real text blob")
    def expr_json_asked(self, scope: Scope, kind: str) -> str:
        document = self.document(scope)
        return self.pick(
            (
                f"({document} ->> {self.pick(ARROWS)})",
                f"json_extract({document}, {self.path()})",
                f"json_extract({document}, {self.path()}, {self.path()})",
                f"jsonb_extract({document}, {self.path()}, {self.path()})",
                f"json_type({document})",
                f"json_type({document}, {self.path()})",
                f"json_quote({self.element(scope)})",
                f"json_array_length({document})",
                f"json_array_length({document}, {self.path()})",
            )
        )

    @production("expr", 0.4, kinds="int bool")
    def expr_json_valid(self, scope: Scope, kind: str) -> str:
        text = self.expr(scope, TEXT) if self.chance(0.6) else self.document(scope)
        flags = self.maybe(0.4, lambda: f", {self.random.randint(1, 15)}")
        return f"json_valid({text}{flags})" if self.chance(0.8) else f"json_error_position(quote({text}))"

    @production("aggregate", 0.5, leaf=True, kinds="text blob")
    def aggregate_json(self, scope: Scope, kind: str) -> str:
        inner = self.inside(scope)
        number = f"CAST({self.expr(inner, INT)} AS INTEGER) % 100"
        if self.chance(0.6):
            name = self.pick(("json_group_array", "jsonb_group_array"))
            return f"{name}({number} ORDER BY {number}){self.filter(scope)}"
        name = self.pick(("json_group_object", "jsonb_group_object"))
        key = f"quote({self.expr(inner, TEXT)})"
        return f"{name}({key}, {number} ORDER BY {key}, {number}){self.filter(scope)}"
