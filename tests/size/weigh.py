"""How many bytes the Programs of a fixed list of statements have: sizes.txt is the list and what was last recorded.

    python -m tests.size.weigh             what has changed
    python -m tests.size.weigh --record    write sizes.txt: its diff is read like code

A line of sizes.txt is a size and a statement, or the name of one in statements.py; a new one is added with any size.
"""

from __future__ import annotations

import sys
from pathlib import Path

import turso_wasm
from tests.size.statements import SCHEMA, generated

RECORDED = Path(__file__).with_name("sizes.txt")


def weigh() -> dict[str, int]:
    """Bytes by line of the list."""
    texts = generated()
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    try:
        return {name: _size(connection, texts.get(name, name)) for name in recorded()}
    finally:
        connection.close()


def _size(connection: turso_wasm.Connection, sql: str) -> int:
    prepared = connection._runtime.prepare(sql)
    assert prepared is not None, sql
    return len(prepared.program.wasm)


def recorded() -> dict[str, int]:
    """What sizes.txt says."""
    lines = RECORDED.read_text("utf-8").splitlines()
    return {name: int(size.replace(",", "")) for size, name in (line.split(maxsplit=1) for line in lines)}


def record(sizes: dict[str, int]) -> None:
    """Write sizes.txt."""
    RECORDED.write_text("".join(f"{size:9,}  {name}\n" for name, size in sizes.items()), "utf-8")


def differences(before: dict[str, int], now: dict[str, int]) -> list[str]:
    """A line for each statement that weighs something else, the sums last; empty when nothing has changed."""
    lines = [
        f"{before[name]:9,} → {now[name]:9,} {_percent(before[name], now[name])}  {name}"
        for name in before
        if before[name] != now[name]
    ]
    total, new_total = sum(before.values()), sum(now.values())
    return [*lines, f"{total:9,} → {new_total:9,} {_percent(total, new_total)}  together"] if lines else []


def _percent(before: int, now: int) -> str:
    return f"{100 * (now - before) / before:+7.1f} %" if before else "      new"


def main(arguments: list[str]) -> int:
    """The command line."""
    now = weigh()
    for line in differences(recorded(), now) or [f"{sum(now.values()):,} bytes in {len(now)} Programs: as recorded"]:
        print(line)
    if "--record" in arguments:
        record(now)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
