"""The order of the tests: browsers last, for their driver's event loop lives in this thread from then on."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that send signals to this process, or count threads, come before there is such a loop."""
    items.sort(key=lambda item: "browser" in item.path.parts)
