"""Random statements on SQLite and on us: rows, errors, changes() and last_insert_rowid() must agree.

`python -m tests.differential.run [n] [seed]` runs n scripts; a difference is shrunk and printed as a ready .test block.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw

from tests.differential.generator import Generator
from tests.oracle.engines import Answer, Engine, Failure, Oracle, Ours, row_text

STATEMENTS = 40


@dataclass(slots=True)
class Difference:
    """Statement number `at` of `script` answered differently."""

    script: list[str]
    at: int
    expected: list[str]
    ours: list[str]

    def block(self) -> str:
        """A .test block; run `python -m tests.golden --record` on it."""
        lines = [f"> {statement}" for statement in self.script[: self.at + 1]]
        return "\n".join(["@reset", *lines, "", "# SQLite:", *(f"#   {line}" for line in self.expected),
                          "# ours:", *(f"#   {line}" for line in self.ours)])  # fmt: skip


class Unsupported(Exception):
    """The script uses something we say we do not support yet."""


def is_ordered(statement: str) -> bool:
    """True when the statement fixes the order of its rows."""
    return " ORDER BY " in statement


def answer(engine: Engine, statement: str) -> list[str]:
    """What a statement answers, comparable."""
    try:
        given: Answer = engine.run("main", statement)
    except Failure as failure:
        if failure.message.startswith("not supported yet"):
            raise Unsupported(failure.message) from None
        # which of several violated constraints is reported depends on the order of rows
        code = failure.code if failure.code.startswith("BUG") else "_".join(failure.code.split("_")[:2])
        return [f"{code}: {failure.message}"] if failure.code.startswith("BUG") else [code]
    rows = [row_text(row) for row in given.rows]
    if not is_ordered(statement):
        rows.sort()
    return rows


def agree(expected: list[str], got: list[str]) -> bool:
    """The same rows in the same order, but for rows whose keys are equal and look different (0, 0.0 and -0.0)."""
    if expected == got:
        return True
    return sorted(expected) == sorted(got) and [_plain(line) for line in expected] == [_plain(line) for line in got]


def _plain(line: str) -> str:
    """A row with numbers written one way."""
    return re.sub(r"(?<![\w.'])-?0\.0(?![\w.'])", "0", re.sub(r"(?<![\w.'])(-?\d+)\.0(?![\w.'])", r"\1", line))


def compare(script: Sequence[str], counters: bool = True) -> Difference | None:
    """Run a script on both; the first difference, or None. Raises Unsupported."""
    oracle, ours = Oracle(), Ours()
    try:
        for at, statement in enumerate(script):
            expected, got = answer(oracle, statement), answer(ours, statement)
            if counters and expected == got and not (got and got[0].startswith("SQLITE_")):
                expected, got = ([str(engine.counters("main"))] for engine in (oracle, ours))
            if not agree(expected, got):
                return Difference(list(script), at, expected, got)
        return None
    finally:
        oracle.close()
        ours.close()


def shrink(found: Difference, budget_s: float = 20.0) -> Difference:
    """Leave out statements as long as the difference stays."""
    end = time.monotonic() + budget_s
    script = found.script[: found.at + 1]
    size = max(1, len(script) // 2)
    while size and time.monotonic() < end:
        at = 0
        while at < len(script) - 1 and time.monotonic() < end:
            shorter = script[:at] + script[min(at + size, len(script) - 1) :]
            try:
                again = compare(shorter)
            except Unsupported:
                again = None
            if again is not None and again.at == len(shorter) - 1 and _kind(again) == _kind(found):
                script, found = shorter, again
            else:
                at += size
        size //= 2
    return found


def _kind(found: Difference) -> tuple[bool, bool, str]:
    """Differences that may be the same bug: whether each side failed, and the statement's first word."""
    return (
        bool(found.expected) and found.expected[0].startswith("SQLITE_"),
        bool(found.ours) and found.ours[0].startswith(("SQLITE_", "BUG")),
        found.script[found.at].split()[0],
    )


def check_file(script: Sequence[str], folder: Path) -> str | None:
    """Run a script on a file with our engine; what SQLite's integrity_check says of it, None when it is content."""
    path = folder / "checked.db"
    ours = Ours(path)
    try:
        for statement in script:
            answer(ours, statement)
    finally:
        ours.close()
    found = apsw.Connection(str(path)).execute("PRAGMA integrity_check").fetchall()
    return None if found == [("ok",)] else "\n".join(str(row[0]) for row in found)


def main(arguments: Sequence[str]) -> int:
    """Run n scripts from a seed on."""
    n = int(arguments[0]) if arguments else 50
    first = int(arguments[1]) if len(arguments) > 1 else int(time.time())
    counts: Counter[str] = Counter()
    for seed in range(first, first + n):
        script = Generator(seed).script(STATEMENTS)
        try:
            found = compare(script)
        except Unsupported as error:
            counts[str(error)] += 1
            continue
        if found is None:
            counts["ok"] += 1
        else:
            counts["different"] += 1
            print(f"# seed {seed}\n{shrink(found).block()}\n", flush=True)
    print(dict(counts))
    return 1 if counts["different"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
