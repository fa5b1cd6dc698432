"""pytest items for .test files: one item a block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.golden.plugin import SELECTED
from tests.golden.script import Script, check_block


class TestFile(pytest.File):
    """A .test file."""

    script: Script

    def collect(self) -> Iterator[pytest.Item]:
        """One item per block, or those that were asked for by line."""
        self.script = Script(self.path)
        wanted = SELECTED.get(self.path.resolve())
        for index, block in enumerate(self.script.blocks):
            if wanted is None or any(block.line <= line <= block.last for line in wanted):
                item: Any = Block.from_parent(self, name=f"L{block.line}", index=index)
                yield item

    def teardown(self) -> None:
        """Close the databases."""
        self.script.close()


class Block(pytest.Item):
    """One block."""

    def __init__(self, *, index: int, **rest: Any) -> None:
        super().__init__(**rest)
        self.index = index

    @property
    def owner(self) -> TestFile:
        """The file."""
        assert isinstance(self.parent, TestFile)
        return self.parent

    def runtest(self) -> None:
        """Run it on both engines."""
        wrong = check_block(self.owner.script, self.index)
        if wrong:
            raise WrongAnswer(wrong)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """The statements and both answers, no traceback, unless it is our bug."""
        if not isinstance(excinfo.value, WrongAnswer):
            return super().repr_failure(excinfo, style)
        block = self.owner.script.blocks[self.index]
        statements = "\n".join(f"> {command.sql}" for command in block.commands)
        return f"{self.path}:{block.line}\n{statements}\n{excinfo.value}"

    def reportinfo(self) -> tuple[Any, int, str]:
        """Path, line (0-based) and title."""
        block = self.owner.script.blocks[self.index]
        return self.path, block.line - 1, f"{self.path.name}:{block.line}"


class WrongAnswer(Exception):
    """A block answered something else than recorded."""
