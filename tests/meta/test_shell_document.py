"""The examples of docs/shell.md give what it says."""

from __future__ import annotations

import io
import re
import shlex
import sys
from contextlib import closing
from pathlib import Path

import pytest

from turso_wasm import cli
from turso_wasm.shell.formats.style import TERMINAL
from turso_wasm.shell.session import Shell
from turso_wasm.shell.source import Source

DOCUMENT = Path(__file__).parents[2] / "docs" / "shell.md"
PROMPT = re.compile(r"^(turso> |  \.\.\.> |\$ )(.*)$")


def blocks(kind: str) -> list[list[tuple[str, str]]]:
    """Of each block: what is typed, and what is written then."""
    found = re.findall(rf"^```{kind}\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [examples(text) for text in found]


def examples(block: str) -> list[tuple[str, str]]:
    made: list[tuple[str, str]] = []
    for line in block.splitlines():
        prompt = PROMPT.match(line)
        if prompt is None:
            typed, written = made[-1]
            made[-1] = typed, f"{written}{line}\n"
        elif prompt[1] == "  ...> ":
            made[-1] = f"{made[-1][0]}\n{prompt[2]}", ""
        else:
            made.append((prompt[2], ""))
    return made


def test_the_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "64")
    (commands,) = blocks("console")
    for typed, written in commands:
        stream = io.TextIOWrapper(io.BytesIO())
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", stream)
            assert cli.main(shlex.split(typed)[1:]) == 0
        stream.flush()
        assert stream.buffer.getvalue().decode().replace("\r\n", "\n") == written, typed  # type: ignore[attr-defined]
    output = io.StringIO()
    shell = Shell(stdout=output)
    shell.errors = output
    shell.settings.style = TERMINAL
    source = Source(shell, is_script=False)
    for typed, written in [example for block in blocks("turso") for example in block]:
        before = output.tell()
        source.run(typed.split("\n"))
        assert output.getvalue()[before:].replace("\r\n", "\n") == written, typed
    with closing(shell.connection):
        assert shell.query("SELECT count(*) FROM copy") == [(3,)]
