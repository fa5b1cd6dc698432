"""What all tests stand on: their order, browsers last, for their driver's event loop lives in this thread from then on;
signals that are heard; and samples of them.
"""

from __future__ import annotations

import os
import signal
import time
from zlib import crc32

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
# Some tests compile with another compiler than the process after them has; those of kept Programs say where to.
os.environ["TURSO_WASM_PROGRAMS"] = "0"


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make fast` says."""
    parser.addoption("--one-in", type=int, default=1, metavar="N", help="a sample of the tests: one in N")
    parser.addoption("--sample", default=str(int(time.time())), metavar="NAME", help="which sample (another each time)")


def pytest_report_header(config: pytest.Config) -> str | None:
    """How to run the same sample again."""
    n = config.getoption("--one-in")
    return None if n == 1 else f"one test in {n}: --one-in {n} --sample {config.getoption('--sample')}"


def pytest_configure() -> None:
    """A shell makes what it runs in the background deaf to SIGINT, which some tests send to this process."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that send signals to this process, or count threads, come before there is such a loop."""
    n, name = config.getoption("--one-in"), config.getoption("--sample")
    sample: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for item in items:
        sample[crc32(f"{name} {item.nodeid}".encode()) % n == 0].append(item)
    if sample[False]:
        config.hook.pytest_deselected(items=sample[False])
        items[:] = sample[True]
    items.sort(key=lambda item: not {"browser", "soak"}.isdisjoint(item.path.parts))
