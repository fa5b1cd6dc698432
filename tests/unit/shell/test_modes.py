"""How rows look in each mode. Where SQLite's documentation and shell say how, as they do."""

import pytest

ROWS = """
CREATE TABLE t(a INT, b TEXT, c REAL, d BLOB);
INSERT INTO t VALUES (1, 'x', 1.5, x'6162'), (2, NULL, 1e20, NULL), (3, 'it''s "q" a,b', 0.1, x'00ff');
"""


@pytest.fixture
def rows(session):
    session.run(ROWS)
    return lambda mode: session.run(f".mode {mode}\nSELECT * FROM t;\n")


EXPECTED = {
    "list": """\
1|x|1.5|ab
2||1.0e+20|
3|it's "q" a,b|0.1|\0\udcff
""",
    "tabs": '1\tx\t1.5\tab\n2\t\t1.0e+20\t\n3\tit\'s "q" a,b\t0.1\t\0\udcff\n',
    "csv": '1,x,1.5,ab\r\n2,,1.0e+20,\r\n3,"it\'s ""q"" a,b",0.1,"\0\udcff"\r\n',
    "ascii": '1\x1fx\x1f1.5\x1fab\x1e2\x1f\x1f1.0e+20\x1f\x1e3\x1fit\'s "q" a,b\x1f0.1\x1f\0\udcff\x1e',
    "tcl": '"1" "x" "1.5" "\\141\\142"\n"2" "" "1.0e+20" ""\n"3" "it\'s \\"q\\" a,b" "0.1" "\\000\\377"\n',
    "quote": """\
1,'x',1.5,X'6162'
2,NULL,1.0e+20,NULL
3,'it''s "q" a,b',0.1,X'00ff'
""",
    "insert new": """\
INSERT INTO new VALUES(1,'x',1.5,X'6162');
INSERT INTO new VALUES(2,NULL,1.0e+20,NULL);
INSERT INTO new VALUES(3,'it''s "q" a,b',0.1,X'00ff');
""",
    "json": """\
[{"a":1,"b":"x","c":1.5,"d":"\\u0061\\u0062"},
{"a":2,"b":null,"c":1.0e+20,"d":null},
{"a":3,"b":"it's \\"q\\" a,b","c":0.1,"d":"\\u0000\\u00ff"}]
""",
    "jobject": """\
{"a":1,"b":"x","c":1.5,"d":"\\u0061\\u0062"}
{"a":2,"b":null,"c":1.0e+20,"d":null}
{"a":3,"b":"it's \\"q\\" a,b","c":0.1,"d":"\\u0000\\u00ff"}
""",
    "line": """\
    a = 1
    b = x
    c = 1.5
    d = ab

    a = 2
    b =\x20
    c = 1.0e+20
    d =\x20

    a = 3
    b = it's "q" a,b
    c = 0.1
    d = \0\udcff
""",
    "count": "3\n",
    "off": "",
    "box --blob-quote hex": """\
╭───┬──────────────┬─────────┬──────╮
│ a │      b       │    c    │  d   │
╞═══╪══════════════╪═════════╪══════╡
│ 1 │ x            │     1.5 │ 6162 │
│ 2 │              │ 1.0e+20 │      │
│ 3 │ it's "q" a,b │     0.1 │ 00ff │
╰───┴──────────────┴─────────┴──────╯
""",
    "qbox": """\
╭───┬─────────────────┬─────────┬─────────╮
│ a │        b        │    c    │    d    │
╞═══╪═════════════════╪═════════╪═════════╡
│ 1 │ 'x'             │     1.5 │ x'6162' │
│ 2 │ NULL            │ 1.0e+20 │ NULL    │
│ 3 │ 'it''s "q" a,b' │     0.1 │ x'00ff' │
╰───┴─────────────────┴─────────┴─────────╯
""",
    "table --blob-quote size": """\
+---+--------------+---------+---------------+
| a |      b       |    c    |       d       |
+---+--------------+---------+---------------+
| 1 | x            |     1.5 | (2-byte blob) |
| 2 |              | 1.0e+20 |               |
| 3 | it's "q" a,b |     0.1 | (2-byte blob) |
+---+--------------+---------+---------------+
""",
    "markdown --blob-quote hex": """\
| a |      b       |    c    |  d   |
|---|--------------|---------|------|
| 1 | x            |     1.5 | 6162 |
| 2 |              | 1.0e+20 |      |
| 3 | it's "q" a,b |     0.1 | 00ff |
""",
    "psql --blob-quote hex": """\
 a |      b       |    c    |  d  \x20
---+--------------+---------+------
 1 | x            |     1.5 | 6162\x20
 2 |              | 1.0e+20 |     \x20
 3 | it's "q" a,b |     0.1 | 00ff\x20
""",
    "column --blob-quote hex": """\
a       b           c      d\x20\x20
-  ------------  -------  ----
1  x                 1.5  6162
2                1.0e+20     \x20
3  it's "q" a,b      0.1  00ff
""",
    "html": """\
<TR><TD>1</TD>
<TD>x</TD>
<TD>1.5</TD>
<TD>ab</TD>
</TR>
<TR><TD>2</TD>
<TD></TD>
<TD>1.0e+20</TD>
<TD></TD>
</TR>
<TR><TD>3</TD>
<TD>it&#39;s &quot;q&quot; a,b</TD>
<TD>0.1</TD>
<TD>\0\udcff</TD>
</TR>
""",
}


@pytest.mark.parametrize("mode", EXPECTED)
def test_every_mode_has_its_look(rows, mode):
    assert rows(mode) == EXPECTED[mode]


def test_headers_can_be_switched_in_every_mode(run):
    assert run('.headers on\nSELECT 1 AS a, 2 AS "b c";\n') == "a|b c\n1|2\n"
    assert run('.mode csv\nSELECT 1 AS a, 2 AS "b c";\n') == 'a,"b c"\r\n1,2\r\n'
    assert run('.mode insert\nSELECT 1 AS a, 2 AS "b c";\n') == 'INSERT INTO "table"(a,"b c") VALUES(1,2);\n'
    assert run(".mode box\n.headers off\nSELECT 1 AS a;\n") == "╭───╮\n│ 1 │\n╰───╯\n"


def test_tables_show_their_titles_without_rows_and_lists_nothing(run):
    assert run(".mode table\nSELECT 1 AS a WHERE 0;\n") == "+---+\n| a |\n+---+\n+---+\n"
    assert run(".headers on\n.mode list\nSELECT 1 AS a WHERE 0;\n.mode json\nSELECT 1 AS a WHERE 0;\n") == ""


def test_separators_and_null_are_the_users(run):
    assert run(".separator ', ' ';\\n'\n.nullvalue NULL\nSELECT 1, NULL, 'x';\n") == "1, NULL, x;\n"


def test_control_characters_do_not_reach_the_terminal(run):
    select = "SELECT char(27) || '[31m' || char(10, 9) || 'red';\n"
    assert run(select) == "^[[31m\n\tred\n"
    assert run(".mode list --escape symbol\n" + select) == "␛[31m\n\tred\n"
    assert run(".mode list --escape off\n" + select) == "\x1b[31m\n\tred\n"
    assert run(".mode quote\n" + select) == "unistr('\\u001b[31m\\u000a\\u0009red')\n"


def test_infinities_are_numbers_for_whoever_reads_them(run):
    select = "SELECT 9e999, -9e999;\n"
    assert run(select) == "Inf|-Inf\n"
    assert run(".mode json\n" + select) == '[{"9e999":9e999,"-9e999":-9e999}]\n'
    assert run(".mode quote\n" + select) == "9.0e+999,-9.0e+999\n"


def test_wide_columns_wrap_and_rows_of_several_lines_are_ruled_off(run):
    run("CREATE TABLE t(a, b); INSERT INTO t VALUES ('hello wonderful world', 1), ('x' || char(10) || 'y', 2);")
    assert (
        run(".mode box --wrap 10\nSELECT * FROM t;\n")
        == """\
╭────────────┬───╮
│     a      │ b │
╞════════════╪═══╡
│ hello wond │ 1 │
│ erful worl │   │
│ d          │   │
├────────────┼───┤
│ x          │ 2 │
│ y          │   │
╰────────────┴───╯
"""
    )
    assert (
        run(".mode table --wrap 10 --wordwrap on\nSELECT * FROM t LIMIT 1;\n")
        == """\
+-----------+---+
|     a     | b |
+-----------+---+
| hello     | 1 |
| wonderful |   |
| world     |   |
+-----------+---+
"""
    )


def test_width_sets_columns_and_aligns_them(run):
    assert (
        run(".mode column\n.width 6 -4\nSELECT 'a' AS x, 'b' AS y;\n") == "  x      y  \n------  ----\na          b\n"
    )


def test_wide_characters_take_two_columns_and_accents_none(run):
    assert (
        run(".mode box\nSELECT '日本' AS a UNION ALL SELECT 'e\u0301';\n")
        == """\
╭──────╮
│  a   │
╞══════╡
│ 日本 │
│ e\u0301    │
╰──────╯
"""
    )


def test_a_table_can_be_made_to_fit_the_screen(run):
    written = run(".mode table --sw 30\nSELECT 'a long text that goes on and on' AS a, 'short' AS b;\n")
    assert max(map(len, written.split("\n"))) <= 30
    assert "short" in written


def test_long_values_are_cut_when_limited(run):
    assert (
        run(".mode list\n.mode box --limits 2,4\nSELECT 'abcdefgh' AS a, '1' || char(10, 50, 10, 51) AS b;\n")
        == """\
╭─────────┬─────╮
│    a    │  b  │
╞═════════╪═════╡
│ abcd... │ 1   │
│         │ 2   │
│         │ ... │
╰─────────┴─────╯
"""
    )


def test_split_puts_one_column_into_many(run):
    values = "VALUES ('a'), ('b'), ('c'), ('d'), ('e')"
    assert run(f".mode split --sw 8\n{values};\n") == "a  c  e\nb  d\n"


def test_relaxed_quotes_only_what_could_be_mistaken(run):
    assert run(".mode quote --quote relaxed\nSELECT 'plain', 'NULL', '12', '', ' x', 'it''s', NULL, 1;\n") == (
        "plain,'NULL','12','',' x',it's,NULL,1\n"
    )


def test_jsonb_is_shown_as_json_on_demand(run):
    assert run(".mode list --textjsonb on\nSELECT jsonb('{\"a\":[1,2]}'), x'6162';\n") == '{"a":[1,2]}|ab\n'


def test_once_is_for_the_next_statement_alone(run):
    assert run(".mode --once csv\nSELECT 1, 2;\nSELECT 1, 2;\n") == "1,2\r\n1|2\n"


def test_mode_tells_itself_and_refuses_what_it_does_not_know(run):
    assert run(".mode box --wrap 10\n.mode\n") == ".mode box --wrap 10\n"
    assert run(".mode nonsense\n").startswith("Error: mode should be one of: ascii box c column ")
    assert run(".mode box --nonsense\n") == 'Error: unknown option: "--nonsense"\n'
    assert run(".mode box --wrap x\n") == 'Error: not a number: "x"\n'
    assert run(".mode box --escape x\n") == 'Error: "x" should be one of: auto ascii symbol off\n'


def test_plans_are_trees_and_explain_stands_in_columns(run):
    run("CREATE TABLE t(a PRIMARY KEY, b);")
    assert run("EXPLAIN QUERY PLAN SELECT * FROM t WHERE a IN (SELECT b FROM t);\n") == (
        "QUERY PLAN\n|--SEARCH t USING INDEX sqlite_autoindex_t_1 (a=?)\n`--LIST SUBQUERY 1\n   `--SCAN t\n"
    )
    assert run("EXPLAIN SELECT 1;\n").split()[:3] == ["addr", "opcode", "p1"]
    assert run(".explain off\nEXPLAIN QUERY PLAN SELECT 1;\n") == "1|0|0|SCAN CONSTANT ROW\n"
    assert run(".explain auto\n.eqp on\nSELECT 1;\n") == "QUERY PLAN\n`--SCAN CONSTANT ROW\n1\n"
