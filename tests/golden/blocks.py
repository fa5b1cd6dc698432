"""The blocks of a .test file (see the package for what they look like)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

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
