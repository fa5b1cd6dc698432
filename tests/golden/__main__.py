"""python -m tests.golden [--record] [path…]: check, or record, .test files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.golden.blocks import BadTest, Block
from tests.golden.script import Script, check_block


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


if __name__ == "__main__":
    sys.exit(main())
