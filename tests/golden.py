"""The .test runner: statements and the rows SQLite gives for them, in text files that are read and reviewed as such.

    # A comment belongs to the block below it.
    > CREATE TABLE t(a INTEGER, b TEXT)
    > INSERT INTO t VALUES ('1', 2),
        ('x', NULL)                          a line that begins with a space goes on with the statement
    ---
    ok                                       nothing was answered

    > SELECT a, typeof(a), b FROM t          rows print as SQL literals
    ---
    1|'integer'|'2'
    'x'|'text'|NULL

    !> SELECT nope FROM t                    a failing statement is written with !
    ---
    SQLITE_ERROR: no such column: nope

    c1: > BEGIN IMMEDIATE                    a connection is named before the statement; the answer carries the name
    c2: !> BEGIN IMMEDIATE
    ---
    c2: SQLITE_BUSY: database is locked

    [sorted]> SELECT b FROM t                any order of rows is right: they are sorted before they are compared
    [columns]> SELECT a AS x FROM t          the first line is the column names

    @file                                    what follows runs on a fresh database file (so that connections share it)
    @reset                                   what follows runs on a fresh :memory: database
    @differs <reason>                        the next block answers what we answer, not what SQLite answers
    @not-yet <feature>                       the next block passes as long as we say "not supported yet" to it

Everything after `---` is recorded by `python -m tests.golden --record path…` — from the oracle, never from us. A test
runs the block on both: a recorded answer that is not the oracle's is stale, an answer of ours that is not the
recorded one is a bug.

pytest collects every tests/**/*.test file, one item a block, named by its line: `tests/sql/affinity.test::L9` or,
shorter, `tests/sql/affinity.test:9` for the block that line is in.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.oracle import Answer, Engine, Failure, Oracle, Ours, row_text, text_literal

if TYPE_CHECKING:
    import pytest

COMMAND = re.compile(r"^(?:(?P<connection>\w+): ?)?(?P<fails>! ?)?(?:\[(?P<tags>[\w, ]+)\])?> (?P<sql>.*)$")
TAGS = frozenset(("sorted", "columns"))


@dataclass(slots=True)
class Command:
    """One statement of a block."""

    sql: str
    connection: str | None
    fails: bool
    tags: frozenset[str]


@dataclass(slots=True)
class Block:
    """Statements and what they answer together. `line` is that of the first statement, `last` of the end of the
    answer (1-based).
    """

    line: int
    commands: list[Command] = field(default_factory=list)
    answer: list[str] = field(default_factory=list)
    answer_line: int = 0  # of the first line after ---; 0: nothing is recorded yet
    last: int = 0
    fresh: str | None = None  # "memory" or "file": run on a new database
    differs: str | None = None
    not_yet: str | None = None


class BadTest(Exception):
    """A .test file that is not one: the message names path and line."""


def parse(path: Path) -> list[Block]:
    """The blocks of a .test file. Raises BadTest."""
    lines = path.read_text(encoding="utf-8").split("\n")
    blocks: list[Block] = []
    fresh: str | None = "memory"
    marks: dict[str, str | None] = {"differs": None, "not-yet": None}
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip() or line.startswith("#"):
            at += 1
        elif line.startswith("@"):
            name, _, rest = line[1:].partition(" ")
            if name in ("file", "reset"):
                fresh = "file" if name == "file" else "memory"
            elif name in marks and rest:
                marks[name] = rest
            else:
                raise BadTest(f"{path}:{at + 1}: unknown directive {line!r}")
            at += 1
        else:
            block, at = _parse_block(path, lines, at)
            block.fresh, block.differs, block.not_yet = fresh, marks["differs"], marks["not-yet"]
            fresh = None
            marks = dict.fromkeys(marks)
            blocks.append(block)
    return blocks


def _parse_block(path: Path, lines: list[str], at: int) -> tuple[Block, int]:
    block = Block(line=at + 1)
    while at < len(lines) and lines[at].strip() and lines[at] != "---":
        line = lines[at]
        if line[0] in " \t" and block.commands:
            block.commands[-1].sql += "\n" + line
        elif found := COMMAND.match(line):
            tags = frozenset(tag.strip() for tag in (found["tags"] or "").split(",") if tag.strip())
            if tags - TAGS:
                raise BadTest(f"{path}:{at + 1}: unknown tag {', '.join(sorted(tags - TAGS))}")
            block.commands.append(Command(found["sql"], found["connection"], bool(found["fails"]), tags))
        else:
            raise BadTest(f"{path}:{at + 1}: not a statement: {line!r}")
        at += 1
    if not block.commands:
        raise BadTest(f"{path}:{at + 1}: an answer without a statement")
    if at < len(lines) and lines[at] == "---":
        at += 1
        block.answer_line = at + 1
        while at < len(lines) and lines[at].strip():
            block.answer.append(lines[at])
            at += 1
    block.last = at
    return block, at


# --- running ----------------------------------------------------------------------------------------------------


def run_block(engine: Engine, block: Block) -> list[str]:
    """The lines `engine` answers to a block."""
    lines: list[str] = []
    for command in block.commands:
        prefix = f"{command.connection}: " if command.connection else ""
        lines += [prefix + line for line in _run_command(engine, command)]
    return lines or ["ok"]


def _run_command(engine: Engine, command: Command) -> list[str]:
    try:
        answer = engine.run(command.connection or "main", command.sql)
    except Failure as failure:
        mark = "" if command.fails else "(unexpected) "
        return [f"{mark}{failure.code}: {_one_line(failure.message)}"]
    mark = ["(no error)"] if command.fails else []
    return mark + answer_lines(answer, command.tags)


def answer_lines(answer: Answer, tags: frozenset[str]) -> list[str]:
    """The rows of an answer as lines."""
    lines = [row_text(row) for row in answer.rows]
    if "sorted" in tags:
        lines.sort()
    if "columns" in tags and answer.columns is not None:
        lines.insert(0, "|".join(text_literal(name) for name in answer.columns))
    return lines


def _one_line(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


class Session:
    """One engine going through the blocks of one file, in order, starting a new database where a block says so."""

    def __init__(self, kind: type[Oracle] | type[Ours]) -> None:
        self.kind = kind
        self.engine: Engine | None = None
        self.folder: tempfile.TemporaryDirectory[str] | None = None

    def run(self, block: Block) -> list[str]:
        """The answer to `block`."""
        if block.fresh or self.engine is None:
            self.close()
            path = ":memory:"
            if block.fresh == "file":
                self.folder = tempfile.TemporaryDirectory(prefix="golden-")
                path = str(Path(self.folder.name) / "test.db")
            self.engine = self.kind(path)
        return run_block(self.engine, block)

    def close(self) -> None:
        """Close the database."""
        if self.engine is not None:
            self.engine.close()
            self.engine = None
        if self.folder is not None:
            self.folder.cleanup()
            self.folder = None


class Script:
    """A .test file being run on the oracle and on our engine; blocks run once, in order, when they are first asked
    for.
    """

    def __init__(self, path: Path) -> None:
        self.blocks = parse(path)
        self.sessions = {"oracle": Session(Oracle), "ours": Session(Ours)}
        self.done: dict[str, list[list[str]]] = {"oracle": [], "ours": []}

    def answer(self, engine: str, index: int) -> list[str]:
        """What `engine` answers to block `index`, having run all before it (since the last fresh database)."""
        done = self.done[engine]
        while len(done) <= index:
            at = len(done)
            if at + 1 <= index and any(block.fresh for block in self.blocks[at + 1 : index + 1]):
                done.append([])  # nothing of this block reaches block `index`
            else:
                done.append(self.sessions[engine].run(self.blocks[at]))
        return done[index]

    def close(self) -> None:
        """Close both databases."""
        for session in self.sessions.values():
            session.close()


def check_block(script: Script, index: int) -> str | None:
    """None when block `index` answers what is recorded, on both engines; else what is wrong."""
    block = script.blocks[index]
    if not block.answer_line:
        return "nothing is recorded yet: run python -m tests.golden --record"
    if not block.differs and (oracle := script.answer("oracle", index)) != block.answer:
        return _difference("the recorded answer is not SQLite's", block.answer, "recorded", oracle, "SQLite")
    ours = script.answer("ours", index)
    if block.not_yet:
        return _check_gap(block, ours)
    if ours != block.answer:
        return _difference("we answer differently", block.answer, "expected", ours, "ours")
    return None


def _check_gap(block: Block, ours: list[str]) -> str | None:
    """A block marked @not-yet fails once it works, and when it fails in another way than by saying so."""
    if ours == block.answer:
        return f"this works now: remove @not-yet {block.not_yet}"
    if any("SQLITE_ERROR: not supported yet" in line for line in ours):
        return None
    return _difference("what is not supported yet must say so", block.answer, "expected", ours, "ours")


def _difference(title: str, left: list[str], left_name: str, right: list[str], right_name: str) -> str:
    parts = [title, f"--- {left_name}", *left, f"--- {right_name}", *right]
    return "\n".join(parts)


# --- recording --------------------------------------------------------------------------------------------------


def record(path: Path) -> int:
    """Rewrite the answers of a file; returns how many blocks changed. Raises BadTest for a statement that fails
    without `!`.
    """
    script = Script(path)
    lines = path.read_text(encoding="utf-8").split("\n")
    changed = 0
    try:
        answers = [script.answer("ours" if block.differs else "oracle", i) for i, block in _all(script)]
    finally:
        script.close()
    answered = list(zip(script.blocks, answers, strict=True))
    for block, answer in answered:
        wrong = next((line for line in answer if "(unexpected) " in line or line.endswith("(no error)")), None)
        if wrong is not None:
            raise BadTest(f"{path}:{block.line}: {wrong}")
    for block, answer in reversed(answered):
        if answer == block.answer and block.answer_line:
            continue
        changed += 1
        start = block.answer_line - 2 if block.answer_line else block.last
        lines[start : block.last] = ["---", *answer]
    if changed:
        path.write_text("\n".join(lines), encoding="utf-8")
    return changed


def _all(script: Script) -> Iterator[tuple[int, Block]]:
    for index, block in enumerate(script.blocks):
        script.answer("oracle", index)
        if block.differs:
            script.answer("ours", index)
        yield index, block


def main(arguments: list[str] | None = None) -> int:
    """Command line: record, or check, .test files."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description="Check or record .test files.")
    parser.add_argument("paths", nargs="*", type=Path, default=[Path("tests")], help="files or folders")
    parser.add_argument("--record", action="store_true", help="rewrite the answers, from SQLite")
    chosen = parser.parse_args(arguments)
    files = [f for path in chosen.paths for f in (sorted(path.rglob("*.test")) if path.is_dir() else [path])]
    failures = 0
    for path in files:
        try:
            if chosen.record:
                if changed := record(path):
                    print(f"{path}: {changed} blocks recorded")
            else:
                failures += _check_file(path)
        except BadTest as error:
            print(error, file=sys.stderr)
            failures += 1
    return 1 if failures else 0


def _check_file(path: Path) -> int:
    script = Script(path)
    failures = 0
    try:
        for index, block in enumerate(script.blocks):
            if wrong := check_block(script, index):
                failures += 1
                statements = "\n".join(command.sql for command in block.commands)
                print(f"{path}:{block.line}: {statements}\n{wrong}\n")
    finally:
        script.close()
    print(f"{path}: {len(script.blocks) - failures} of {len(script.blocks)} blocks pass")
    return failures


# --- pytest -----------------------------------------------------------------------------------------------------

SELECTED: dict[Path, set[int]] = {}


def pytest_load_initial_conftests(args: list[str]) -> None:
    """Understand `path.test:line`."""
    for i, argument in enumerate(args):
        if found := re.fullmatch(r"(.+\.test):(\d+)", argument):
            args[i] = found[1]
            SELECTED.setdefault(Path(found[1]).resolve(), set()).add(int(found[2]))


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    """Collect .test files."""
    if file_path.suffix != ".test":
        return None
    from tests.golden_items import TestFile

    file: Any = TestFile.from_parent(parent, path=file_path)
    return file


if __name__ == "__main__":
    sys.exit(main())
