"""How long a page waits for its database, at a first and at a second visit, beside the peers.

Every repetition has a browser profile of its own: the first visit finds nothing, the second what the first has left
(HTTP cache, compiled WebAssembly, what the engine keeps). Assets are served compressed, and may be cached. What is
measured: browser/start.js.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import hosts

HERE = Path(__file__).resolve().parent
ENGINES = ("ours", "ours-bundle", "sqlite-wasm", "sqljs", "pglite")
SCHEMA = """
CREATE TABLE IF NOT EXISTS note(id INTEGER PRIMARY KEY, body TEXT, at REAL);
INSERT INTO note VALUES (1, 'first', 1.5) ON CONFLICT DO NOTHING;
"""
KNOWN = "SELECT body FROM note WHERE id >= 1 ORDER BY id"
UNSEEN = "SELECT count(*) AS n_{} FROM note WHERE at > 0.5"

Visit = dict[str, Any]


def measure(repetitions: int) -> list[Visit]:
    """{engine, visit: "first" or "second", bytes, connected, known, unseen: milliseconds or None} of every visit."""
    programs = _bundle()
    visits: list[Visit] = []
    for repetition in range(repetitions):
        for engine in ENGINES:
            with (
                tempfile.TemporaryDirectory(prefix="turso-start-", ignore_cleanup_errors=True) as profile,
                hosts.chromium(Path(profile), private=False, page="start.html") as browser,
            ):
                for number, name in enumerate(("first", "second")):
                    unseen = None if engine == "ours-bundle" else UNSEEN.format(2 * repetition + number)
                    request = {"do": "visit", "schema": SCHEMA, "known": KNOWN, "unseen": unseen, "programs": programs}
                    sent = browser.sent
                    answer = browser.ask(engine, request)
                    visits.append({"engine": engine, "visit": name, "bytes": browser.sent - sent, **answer})
                    print(f"start-up {engine}, {name} visit: {_short(answer)}", file=sys.stderr, flush=True)
    return visits


def _short(answer: dict[str, Any]) -> str:
    if "error" in answer:
        return str(answer["error"])
    return ", ".join(f"{name} {answer[name]:.0f} ms" for name in ("connected", "known", "unseen") if answer[name])


def _bundle() -> str:
    """The Programs of the statements here, as an application would bring them; their path on the server."""
    target = HERE / ".cache" / "start.programs"
    target.parent.mkdir(exist_ok=True)
    schema, queries = target.with_name("start_schema.sql"), target.with_name("start_queries.sql")
    schema.write_text(SCHEMA, encoding="utf-8")
    queries.write_text(f"{KNOWN};\n", encoding="utf-8")
    command = [sys.executable, "-m", "turso_wasm", "compile", schema, queries, "-o", target]
    subprocess.run(command, cwd=hosts.ROOT, check=True, stdout=subprocess.DEVNULL)
    return f"/{target.relative_to(hosts.ROOT).as_posix()}"
