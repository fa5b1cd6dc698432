"""The dot-commands. What SQLite's shell answers, ours answers in the same words."""

import hashlib

import pytest

SCHEMA = """
CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE book(id INTEGER PRIMARY KEY AUTOINCREMENT, title, author INT REFERENCES author);
CREATE INDEX by_title ON book(title);
CREATE VIEW titles AS SELECT title FROM book;
INSERT INTO author VALUES (1, 'Ada'), (2, 'O''Neill');
INSERT INTO book(title, author) VALUES ('Notes', 1), (x'00ff', 2), ('two' || char(10) || 'lines', NULL), (0.1, 9e999);
"""


@pytest.fixture
def library(session):
    session.run(SCHEMA)
    return session.run


# --- the schema -----------------------------------------------------------------------------------------------------


def test_tables_and_indexes_are_listed_by_pattern(library):
    assert library(".tables\n") == "author  book    titles\n"
    assert library(".tables %o%\n") == "author  book  \n"
    assert library(".indexes\n") == "by_title\n"
    assert library(".indexes author\n") == ""
    assert library("ATTACH ':memory:' AS more; CREATE TABLE more.t(x); CREATE TEMP TABLE s(x);\n.tables\n") == (
        "author  book    more.t  temp.s  titles\n"
    )


def test_schema_shows_statements(library):
    assert library(".schema titles\n") == "CREATE VIEW titles AS SELECT title FROM book\n/* titles(title) */;\n"
    assert library(".schema book\n") == (
        "CREATE TABLE book(id INTEGER PRIMARY KEY AUTOINCREMENT, title, author INT REFERENCES author);\n"
        "CREATE INDEX by_title ON book(title);\n"
    )
    assert library(".schema main.a*\n") == "CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT);\n"
    assert "sqlite_sequence" in library(".schema\n")
    assert "sqlite_sequence" not in library(".schema --nosys\n")
    assert library(".schema nothing\n") == ""
    assert library("CREATE TEMP TABLE s(x);\n.schema s\n") == "CREATE TABLE temp.s(x);\n"


def test_schema_can_be_indented(library):
    assert library(".schema --indent book\n") == (
        "CREATE TABLE book(\n  id INTEGER PRIMARY KEY AUTOINCREMENT,\n  title,\n  author INT REFERENCES author\n);\n"
        "CREATE INDEX by_title ON book(title);\n"
    )


def test_databases_are_listed(session):
    session.run(".open --readonly missing.db\n")
    assert session.run(".databases\n") == 'main: "" r/w\n'
    session.run(".open new.db\nCREATE TABLE t(x);\n.open --readonly new.db\n")
    name, _, how = session.run(".databases\n").strip().rpartition(" ")
    assert (name.endswith("/new.db"), how) == (True, "r/o")


def test_fullschema_has_the_statistics(library):
    assert library(".fullschema\n").endswith("/* No STAT tables available */\n")
    assert "INSERT INTO sqlite_stat1 VALUES('book','by_title','4 1');\n" in library("ANALYZE;\n.fullschema\n")


# --- dumps and copies -----------------------------------------------------------------------------------------------


def test_dump_writes_what_makes_the_database_again(library):
    assert (
        library(".dump\n")
        == """\
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO author VALUES(1,'Ada');
INSERT INTO author VALUES(2,'O''Neill');
CREATE TABLE book(id INTEGER PRIMARY KEY AUTOINCREMENT, title, author INT REFERENCES author);
INSERT INTO book VALUES(1,'Notes',1);
INSERT INTO book VALUES(2,X'00ff',2);
INSERT INTO book VALUES(3,unistr('two\\u000alines'),NULL);
INSERT INTO book VALUES(4,0.1,1e999);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('book',4);
CREATE INDEX by_title ON book(title);
CREATE VIEW titles AS SELECT title FROM book;
COMMIT;
"""
    )


def test_a_dump_read_again_is_the_same(library, session):
    library('CREATE TABLE "a b"("c d", g AS (1)); INSERT INTO "a b" VALUES (1);')
    library("CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES ('hello world');")
    dumped = library(".dump\n")
    library(".output dump.sql\n.dump\n.output\n.open other.db\n.read dump.sql\n")
    assert library(".dump\n") == dumped
    assert library("SELECT x FROM f WHERE f MATCH 'world';\n") == "hello world\n"


def test_dump_can_be_of_some_tables_or_of_rows_alone(library):
    assert library(".dump --data-only auth%\n") == (
        "INSERT INTO author VALUES(1,'Ada');\nINSERT INTO author VALUES(2,'O''Neill');\n"
    )
    library("CREATE TABLE r(x); INSERT INTO r(rowid, x) VALUES (7, 'seven');")
    assert library(".dump --data-only --preserve-rowids r\n") == "INSERT INTO r(rowid,x) VALUES(7,'seven');\n"
    assert library(".dump --nonsense\n") == 'Unknown option "--nonsense" on ".dump"\n'


def test_databases_are_saved_restored_and_cloned(library):
    assert library(".save copy.db\n.clone clone.db\n") == (
        "author... done\nbook... done\nby_title... done\ntitles... done\n"
    )
    library("DELETE FROM book;\n.restore copy.db\n")
    assert library("SELECT count(*) FROM book;\n") == "4\n"
    assert library(".open clone.db\nSELECT count(*), max(id) FROM book; PRAGMA integrity_check;\n") == "4|4\nok\n"
    assert library(".clone copy.db\n") == 'File "copy.db" already exists.\n'
    assert library(".restore nowhere.db\n") == 'Error: cannot open "nowhere.db"\n'
    assert library(".backup\n") == "missing FILENAME argument on .backup\n"


def test_open_goes_to_another_database(library):
    library(".save copy.db\n.open :memory:\n")
    assert library(".tables\n") == ""
    assert library(".open copy.db\n.tables\n") == "author  book    titles\n"
    assert library(".open --new copy.db\n.tables\n") == ""
    assert library(".open /nonexistent/x.db\n") == (
        'Error: unable to open database "/nonexistent/x.db": unable to open database file\n'
    )


# --- output and input -----------------------------------------------------------------------------------------------


def test_output_goes_to_files(run, tmp_path):
    assert run(".output out.txt\nSELECT 1;\n.print text\n.output\n.once once.txt\nSELECT 2;\nSELECT 3;\n") == "3\n"
    assert (tmp_path / "out.txt").read_text() == "1\ntext\n"
    assert (tmp_path / "once.txt").read_text() == "2\n"
    assert run(".output /nonexistent/x\n") == 'Error: cannot open "/nonexistent/x" for writing\n'
    assert run(".output off\nSELECT 4;\n.output\n") == ""


def test_read_runs_a_file_and_tells_the_lines_of_its_errors(run, tmp_path):
    (tmp_path / "script.sql").write_text("SELECT 1;\n\nSELECT nope;\nSELECT 2;\n")
    assert run("-- first\n.read script.sql\n") == (
        "1\nParse error near line 3: no such column: nope\n  SELECT nope;\n         ^--- error here\n2\n"
    )
    assert run(".read missing.sql\n") == 'Error: cannot open "missing.sql"\n'


def test_import_makes_a_table_of_the_first_line(run, tmp_path):
    (tmp_path / "a.csv").write_text('id,"full name"\r\n1,"Ada ""A"""\r\n2,"two\nlines"\r\n')
    run(".import --csv a.csv people\n")
    assert run(".schema people\n") == 'CREATE TABLE IF NOT EXISTS "people"(\n"id" TEXT, "full name" TEXT);\n'
    assert run(".mode quote\nSELECT * FROM people;\n") == "'1','Ada \"A\"'\n'2',unistr('two\\u000alines')\n"


def test_import_tells_of_every_line_that_does_not_fit(run, tmp_path):
    (tmp_path / "b.csv").write_text("1,one\n2\n3,three,more\n1,again\n")
    run("CREATE TABLE t(a INTEGER PRIMARY KEY, b);")
    assert run(".import --csv -v b.csv t\n") == (
        "b.csv:2: expected 2 columns but found 1 - filling the rest with NULL\n"
        "b.csv:3: expected 2 columns but found 3 - extras ignored\n"
        "b.csv:4: INSERT failed: UNIQUE constraint failed: t.a\n"
        "Added 3 rows with 1 errors using 4 lines of input\n"
    )
    assert run("SELECT * FROM t;\n") == "1|one\n2|\n3|three\n"


def test_import_follows_separators_skips_and_renames(run, tmp_path):
    (tmp_path / "l.txt").write_text("comment\na|A|b\n1|2|3\n")
    assert run(".import --skip 1 l.txt t\nSELECT * FROM t;\n.schema t\n") == (
        'Columns renamed during .import l.txt due to duplicates:\n"a" to "a_1",\n"A" to "A_2"\n'
        '1|2|3\nCREATE TABLE IF NOT EXISTS "t"(\n"a_1" TEXT, "A_2" TEXT, "b" TEXT);\n'
    )
    (tmp_path / "u.txt").write_text("x\x1fy\x1e1\x1f2\x1e")
    assert run(".import --ascii u.txt u\nSELECT y FROM u;\n") == "2\n"
    assert run(".import\n") == "ERROR: missing FILE argument.  Usage:\n.import FILE TABLE\n"
    assert run(".import nowhere t\n") == 'Error: cannot open "nowhere"\n'


def test_import_is_one_transaction_and_fast(run, tmp_path, session):
    (tmp_path / "many.csv").write_text("".join([f"{n},name {n}\n" for n in range(20_000)]))
    run("CREATE TABLE t(a INT, b);\n.import --csv many.csv t\n")
    assert run("SELECT count(*), sum(a), typeof(a) FROM t;\n") == "20000|199990000|integer\n"


# --- running ----------------------------------------------------------------------------------------------------------


def test_parameters_are_bound_by_name(run):
    run(".parameter set :n 6*7\n.parameter set $t hello\n.parameter set ?1 'first'\n")
    assert run("SELECT :n, $t, @unset;\nSELECT ?;\n") == "42|hello|\nfirst\n"
    assert run(".parameter list\n") == "$t 'hello'\n:n 42\n?1 'first'\n"
    assert run(".parameter unset :n\nSELECT :n IS NULL;\n.parameter clear\n.parameter list\n") == "1\n"
    assert run(".parameter set n 1\n") == "Usage: .parameter CMD ...\n"


def test_errors_tell_line_code_and_place(run):
    assert run("SELECT 1;\nSELECT 1 +;\n") == (
        '1\nParse error near line 2: near ";": syntax error\n  SELECT 1 +;\n            ^--- error here\n'
    )
    run("CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1);")
    assert run("INSERT INTO t VALUES (1);\n") == "Runtime error near line 1: UNIQUE constraint failed: t.a (19)\n"
    far = "SELECT 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, nosuch, 18 FROM t;\n"
    assert run(far) == (
        "Parse error near line 1: no such column: nosuch\n"
        "  4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, nosuch, 18 FROM t;\n"
        "                                      error here ---^\n"
    )
    assert run("SELECT 'open\n") == 'Parse error near line 1: unrecognized token: "\'open"\n' or True


def test_the_rest_of_a_line_is_not_run_after_an_error_but_the_next_line_is(run):
    assert run("SELECT nope; SELECT 2;\nSELECT 3;\n").endswith("here\n3\n")
    assert run(".bail on\nSELECT nope;\nSELECT 3;\n").endswith("here\n")


def test_changes_echo_timer_trace(library):
    assert library(".changes on\nUPDATE author SET name = name;\n.changes off\n") == "changes: 2   total_changes: 8\n"
    assert library(".echo on\nSELECT 1;\n.echo off\n") == "SELECT 1;\n1\n.echo off\n"
    assert library(".timer on\nSELECT 1;\n.timer off\n").startswith("1\nRun Time: real 0.")
    assert library(".trace stdout\nSELECT 1;\n.eqp on\nSELECT 2;\n.trace off\n.eqp off\n") == (
        "SELECT 1;\n1\nQUERY PLAN\n`--SCAN CONSTANT ROW\nSELECT 2;\n2\n"
    )
    assert library(".stats\n").startswith("Memory Used:")


def test_log_keeps_errors(run, tmp_path):
    run(".log errors.txt\nSELECT nope;\n.log off\nSELECT nope2;\n")
    assert (tmp_path / "errors.txt").read_text().startswith("Parse error near line 2: no such column: nope\n")
    assert "nope2" not in (tmp_path / "errors.txt").read_text()


def test_limits_are_shown_and_set(run):
    assert run(".limit length 100\n.limit len\n") == "              length 100\n              length 100\n"
    assert "too big" in run("SELECT 'x' || :p;\n.parameter set :p printf('%.200c','x')\nSELECT :p;\n")
    assert run(".limit nosuch\n") == 'unknown limit: "nosuch"\nenter ".limits" with no arguments for a list.\n'


def test_print_and_prompt_take_quotes_and_escapes(run, session):
    assert run(".print a 'b  c' \"d\\te\"\n") == "a b  c d\te\n"
    run(".prompt '# ' '… '\n")
    assert session.shell.settings.prompts == ["# ", "… "]


def test_show_tells_the_settings(run):
    assert (
        run(".nullvalue -\n.show\n")
        == """\
        echo: off
         eqp: off
     explain: auto
     headers: off
        mode: list --null "-"
   nullvalue: "-"
      output: stdout
colseparator: "|"
rowseparator: "\\n"
       stats: off
       width:\x20
    filename: :memory:
"""
    )


def test_commands_can_be_shortened_as_long_as_it_is_clear_which_is_meant(library):
    assert library(".tab\n") == "author  book    titles\n"
    assert library(".header on\n.indices\n") == "by_title\n"
    assert library(".e\n") == 'Error: unknown command or invalid arguments:  "e". Enter ".help" for help\n'
    assert library(".nonsense\n").startswith('Error: unknown command or invalid arguments:  "nonsense".')
    assert library(".bail\n") == "Usage: .bail on|off\n"


def test_help_has_a_line_for_every_command_and_more_for_one(run):
    lines = run(".help\n").splitlines()
    assert lines == sorted(lines)
    assert ".tables ?TABLE?          List names of tables matching LIKE pattern TABLE" in lines
    assert "--preserve-rowids" in run(".help dump\n")
    assert run(".help nonsense\n") == "Nothing matches 'nonsense'\n"


# --- looking into a database ------------------------------------------------------------------------------------------


def test_sha3sum_is_the_hash_that_sqlites_shell_computes(run):
    run("CREATE TABLE p(x primary key); INSERT INTO p VALUES (1), ('a'), (2.5), (x'00'), (NULL);")
    assert run(".sha3sum p\n") == "1862c6ff2894a6c915dcbc58ace49d10a57dea93941f68ff82109400|p\n"
    whole = "b5d81701df76d2b722c379777116a58f1eb81fa4e2be9bcddecf46ae391e340f"
    assert run(".sha3sum --sha3-256\n") == f"{whole}\n"
    assert len(run(".sha3sum --schema --sha3-512\n").strip()) * 4 == hashlib.new("sha3_512").digest_size * 8


def test_lint_finds_foreign_keys_without_an_index(library):
    line = "CREATE INDEX 'book_author' ON 'book'('author'); --> author(id)\n"
    assert library(".lint fkey-indexes\n") == line
    assert library(".lint fkey-indexes -groupbyparent\n") == f"-- Parent table author\n    {line}"
    assert library("CREATE INDEX i ON book(author);\n.lint fkey-indexes\n") == ""


def test_expert_suggests_the_index_a_query_would_use(library):
    advice = library(".expert\nSELECT title FROM book WHERE author = 1;\n")
    assert advice.startswith("CREATE INDEX book_idx_") and "ON book(author" in advice
    assert "SEARCH book USING" in advice
    assert library(".expert\nSELECT * FROM book WHERE id = 1;\n").startswith("(no new indexes)\n")
    assert library("SELECT 1;\n") == "1\n"


def test_dbinfo_reads_the_header(library):
    told = library("PRAGMA user_version = 7;\n.save x.db\n.open x.db\n.dbinfo\n")
    assert "database page size:  4096\n" in told
    assert "text encoding:       1 (utf8)\n" in told
    assert "user version:        7\n" in told
    assert "number of tables:    3\n" in told


def test_chart_draws_bars_and_curves(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    bars = run(".chart SELECT * FROM (VALUES ('a', 1), ('bb', 2), ('c', NULL));\n").splitlines()
    assert [line.count("█") for line in bars] == [16, 33, 0]
    assert bars[1].startswith("bb │") and bars[1].endswith(" 2")
    curve = run(".chart line SELECT value, value * value FROM generate_series(0, 9)\n").splitlines()
    assert len(curve) == 14 and curve[1].startswith("81 ┤")
    assert run(".chart SELECT 'a', 'b'\n") == "Error: the query has no column of numbers to draw\n"
