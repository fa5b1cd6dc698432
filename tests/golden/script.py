"""Running the blocks of a .test file on the oracle and on our engine, and comparing what they answer."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.golden.blocks import Block, Command, parse
from tests.oracle.engines import Answer, Engine, Failure, Oracle, Ours, row_text, text_literal


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
