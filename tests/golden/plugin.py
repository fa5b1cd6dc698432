"""The pytest plugin that collects .test files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

SELECTED: dict[Path, set[int]] = {}
"""The lines that were asked for, by file; a file that is not here runs whole."""


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
    from tests.golden.items import TestFile

    file: Any = TestFile.from_parent(parent, path=file_path)
    return file
