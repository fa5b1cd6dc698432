"""What all tests stand on: their order, browsers last, for their driver's event loop lives in this thread from then on;
and signals that are heard.
"""

from __future__ import annotations

import signal

import pytest


def pytest_configure() -> None:
    """A shell makes what it runs in the background deaf to SIGINT, which some tests send to this process."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that send signals to this process, or count threads, come before there is such a loop."""
    items.sort(key=lambda item: "browser" in item.path.parts)
