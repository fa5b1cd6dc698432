"""Applications that bring their Programs start without Python (turso_wasm/runtime/bundle.py, docs/start-up.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.serve import ROOT, Handler, serving
from tests.browser.conftest import for_python, open_page, runner
from turso_wasm import cli
from turso_wasm.runtime import engine
from turso_wasm.runtime.bundle import Script, compile_bundle
from turso_wasm.runtime.hosts import wasmtime

SCHEMA = """
PRAGMA foreign_keys = ON;
CREATE TABLE IF NOT EXISTS notes(id INTEGER PRIMARY KEY, body TEXT NOT NULL, at REAL);
CREATE INDEX IF NOT EXISTS notes_at ON notes(at);
"""
QUERIES = """
INSERT INTO notes(body, at) VALUES (?, ?);
SELECT id, body FROM notes WHERE id >= 1 ORDER BY id;
SELECT body FROM notes ORDER BY 1;
SELECT body, at FROM notes ORDER BY 2;
"""
USE = """
    const db = await turso.connect(name ?? 'notes.db', { programs: '/app.programs', ...options });
    await db.exec(schema);
    await db.transaction(async (tx) => tx.run('insert into notes(body, at) values (?, ?)', 'first', 1.5))();
    const rows = await db.prepare('SELECT id, body FROM notes WHERE id >= 0 ORDER BY id').raw().all();
    const status = await db.status();
"""


class Application(Handler):
    """Serves the files of an application, whatever they are now, and remembers what was asked for."""

    asked: list[str] = []  # noqa: RUF012 (shared by all requests on purpose)
    files: dict[str, bytes] = {}  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        content = self.files.get(self.path.rpartition("/")[2])
        if content is None:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def bundle(kernel: bytes | None = None) -> bytes:
    scripts = [Script("schema.sql", SCHEMA)], [Script("queries.sql", QUERIES)]
    return compile_bundle(
        wasmtime.process_host(), engine.digest_of(kernel or wasmtime.kernel_bytes()), *scripts
    ).to_bytes()


@pytest.fixture(scope="module")
def application() -> Iterator[str]:
    with serving(handler=Application) as url:
        yield url


@pytest.fixture
def visit(launch: Callable[[Path], Any], application: str, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open the page anew in one browser profile and run a function body on it; the page is closed after it."""
    Application.files = {"app.programs": bundle()}
    context = launch(tmp_path / "profile")

    def run(body: str, **values: Any) -> Any:
        Application.asked.clear()
        page = open_page(context, application)
        warnings: list[str] = []
        page.on("console", lambda message: warnings.append(message.text))
        try:
            given = {"schema": SCHEMA, "name": None, "options": {}}
            answer = runner(page)(body, **{**given, **values})
            run.warnings = warnings  # type: ignore[attr-defined]
            return answer
        finally:
            page.close()

    yield run
    context.close()


def test_no_visit_needs_python(visit: Callable[..., Any]) -> None:
    for n in (1, 2):
        found = visit(USE + "await db.close(); return { rows, status };", options={"compiler": False})
        assert found["rows"] == [[i, "first"] for i in range(1, n + 1)]
        assert found["status"]["compiler"] == "absent"
        assert found["status"]["programs"]["misses"] == 0
        assert found["status"]["programs"]["hits"] > 3
        assert for_python(Application.asked) == []


def test_python_comes_when_a_statement_is_new_and_not_before(visit: Callable[..., Any]) -> None:
    body = """
        await new Promise((resolve) => setTimeout(resolve, 2500));
        const before = (await db.status()).compiler;
        const n = await db.prepare('SELECT count(*) + 1 FROM notes').pluck().get();
        return [before, n, await db.status()];"""
    before, n, status = visit(USE + body)
    assert (before, n) == ("absent", 2)
    assert status["compiler"] == "ready"
    assert status["programs"]["misses"] == 1
    assert for_python(Application.asked)


def test_without_a_compiler_a_new_statement_is_refused_by_name(visit: Callable[..., Any]) -> None:
    body = """
        const unknown = await failure(() => db.prepare('SELECT count(*) + 1 FROM notes').get());
        await db.exec('DROP INDEX notes_at').catch(() => undefined);
        const rows2 = await db.prepare('SELECT body FROM notes ORDER BY 1').all();
        const other = await turso.connect(':memory:', { compiler: false });
        const elsewhere = await failure(() => other.prepare('SELECT body FROM notes ORDER BY 1').all());
        return [unknown, elsewhere, rows2];"""
    unknown, elsewhere, rows = visit(USE + body, options={"compiler": False})
    assert unknown["code"] == "SQLITE_ERROR"
    assert unknown["message"] == (
        "the compiler is switched off, and no Program was compiled for it: SELECT count(*) + 1 FROM notes"
    )
    assert elsewhere["message"] == (
        "the compiler is switched off, and its Program is for another schema (or other settings) than this database"
        " has: SELECT body FROM notes ORDER BY 1"
    )
    assert rows == [{"body": "first"}]
    assert for_python(Application.asked) == []


def test_export_import_and_attach_need_no_python(visit: Callable[..., Any]) -> None:
    body = """
        const file = await db.export();
        const copy = await turso.connect('copy.db', options);
        await copy.import(file);
        await copy.exec('PRAGMA foreign_keys = ON;');
        const there = await copy.prepare('SELECT id, body FROM notes WHERE id >= 1 ORDER BY id').raw().all();
        return [file.length > 0, there];"""
    assert visit(USE + body, options={"compiler": False}) == [True, [[1, "first"]]]
    assert for_python(Application.asked) == []


def test_variants_of_one_shape_are_kept_apart(visit: Callable[..., Any]) -> None:
    body = """
        await db.run('INSERT INTO notes(body, at) VALUES (?, ?)', 'a', 2.5);
        const byBody = await db.prepare('SELECT body FROM notes ORDER BY 1').pluck().all();
        const byTime = await db.prepare('SELECT body, at FROM notes ORDER BY 2').pluck().all();
        return [byBody, byTime];"""
    assert visit(USE + body, options={"compiler": False}) == [["a", "first"], ["first", "a"]]


DAMAGES: dict[str, tuple[Callable[[bytes], bytes | None], str]] = {
    "damaged": (lambda raw: raw[:-5] + b"x" + raw[-4:], "it is damaged, or something else"),
    "cut": (lambda raw: raw[:1000], "it is damaged, or something else"),
    "short": (lambda raw: b"abc", "it is damaged, or something else"),
    "html": (lambda raw: b"<!doctype html><title>Not here</title>" * 3, "it is damaged, or something else"),
    "missing": (lambda raw: None, "could not be fetched: HTTP status 404"),
    "another kernel": (lambda raw: bundle(b"\0asm of another version"), "it is for another version of the engine"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_what_cannot_be_used_is_refused_and_statements_are_compiled(visit: Callable[..., Any], kind: str) -> None:
    damage, words = DAMAGES[kind]
    damaged = damage(Application.files["app.programs"])
    Application.files = {"app.programs": damaged} if damaged is not None else {}
    if kind in ("damaged", "another kernel"):
        found = visit(USE + "return { rows, status };")
        assert found["rows"] == [[1, "first"]]
        assert found["status"]["programs"]["bundled"] == 0
        (warning,) = visit.warnings  # type: ignore[attr-defined]
        assert words in warning
        assert "app.programs" in warning
    refused = visit(
        "return failure(() => turso.connect('x.db', { programs: '/app.programs', compiler: false }));",
    )
    assert words in refused["message"]
    assert for_python(Application.asked) == []


def test_the_bundle_may_be_given_as_bytes(visit: Callable[..., Any]) -> None:
    body = """
        const programs = await (await fetch('/app.programs')).arrayBuffer();
        const db = await turso.connect('bytes.db', { programs, compiler: false });
        await db.exec(schema);
        const wrong = await failure(() => turso.connect('bytes.db', { programs: 7 }));
        return [(await db.status()).programs.bundled > 5, wrong.message];"""
    assert visit(body) == [True, 'connect(): the option "programs" takes a URL or bytes, not number']
    assert for_python(Application.asked) == []


def test_another_schema_is_not_mistaken_for_the_bundle_s(visit: Callable[..., Any]) -> None:
    body = """
        const db = await turso.connect(':memory:', { programs: '/app.programs' });
        await db.exec('CREATE TABLE notes(at REAL, body TEXT NOT NULL, id INTEGER PRIMARY KEY)');
        await db.exec("INSERT INTO notes VALUES (7.5, 'new', 3)");
        return db.prepare('SELECT id, body FROM notes WHERE id >= 1 ORDER BY id').raw().all();"""
    assert visit(body) == [[3, "new"]]


def test_the_examples_of_the_document(
    visit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs" / "start-up.md").read_text(encoding="utf-8")
    schema, queries = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    (command,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    (script,) = re.findall(r"```js\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schema.sql").write_text(schema)
    (tmp_path / "queries.sql").write_text(queries)
    assert cli.main(command.removeprefix("npx ").split()[1:]) == 0
    Application.files = {name: (tmp_path / name).read_bytes() for name in ("schema.sql", "app.programs")}
    body = f"const {{ connect }} = turso; {script} return {{ notes, compiler, misses: programs.misses }};"
    found = visit(f"return (async () => {{ {body} }})();")
    assert found == {"notes": [{"name": "Ada", "notes": 1}], "compiler": "absent", "misses": 0}
    assert for_python(Application.asked) == []
