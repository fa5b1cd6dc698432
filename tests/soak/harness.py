"""Some tabs of a browser that write, and ways of ending them.

What is acknowledged is noted here, in another process than what is killed. An acknowledgement counts when it has
arrived, a deletion when it is announced: so a row that was acknowledged must be there, unless its deletion had been
announced before it was looked for.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Page

WAYS = ("terminate", "reload", "close", "crash", "kill", "call")
OPEN = """async ([number, storage, stop]) => {
    globalThis.tab = new Tab(number, storage);
    await tab.open(stop);
    tab.work();
}"""
# Of so many workers that stop within a call, one spins there.
SPINS = 8
# What is asked of a tab must be answered at most so much later.
PATIENCE_MS = 5000


@dataclass
class Ledger:
    """What the tabs were told, by tab."""

    added: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    deleted: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    announced: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    commits: int = 0

    def acked(self, tab: int, what: str, n: int) -> None:
        """A tab got an answer."""
        self.commits += 1
        if what == "added":
            self.added[tab].add(n)
        else:
            self.deleted[tab] = max(n, self.deleted[tab])

    def intend(self, tab: int, n: int) -> None:
        """A tab is going to delete rows."""
        self.announced[tab] = max(n, self.announced[tab])


@dataclass
class Figures:
    """What a soak test has seen of one way. waits_ms: how long the tabs' first questions afterwards took."""

    cycles: int = 0
    commits: int = 0
    slowest_ms: float = 0
    waits_ms: list[float] = field(default_factory=list)


class Soak:
    """Tabs on one database. launch: starts a browser on the profile. first: the call that stops the first worker."""

    def __init__(
        self, launch: Callable[[], Any], profile: Path, url: str, storage: str, n_tabs: int, first: int = 1
    ) -> None:
        self.launch, self.profile, self.url, self.storage = launch, profile, url, storage
        self.random = random.Random(first)
        self.ledger = Ledger()
        self.figures = {way: Figures() for way in WAYS}
        self.pages: dict[int, Page] = {}
        self.next_call = first  # at which storage call the next worker stops
        self.context = self._start()
        for number in range(1, n_tabs + 1):
            self.open(number)

    def _start(self) -> Any:
        context = self.launch()
        context.expose_function("acked", self.ledger.acked)
        context.expose_function("intend", self.ledger.intend)
        return context

    def open(self, number: int) -> None:
        """A tab that works."""
        page = self.context.new_page()
        self.pages[number] = page
        self._visit(number)

    def _visit(self, number: int) -> None:
        page = self.pages[number]
        page.set_default_timeout(60_000)
        page.goto(f"{self.url}tests/soak/page.html")
        page.wait_for_function("globalThis.Tab !== undefined")
        page.evaluate(OPEN, [number, self.storage, ""])

    def close(self) -> None:
        """End the browser."""
        self.context.close()

    # --- one cycle ---------------------------------------------------------------------------------------

    def cycle(self, way: str) -> None:
        """Let them work, end one of them that way, look at what is left and how soon, and bring it back."""
        figures, before = self.figures[way], self.ledger.commits
        victim = self.random.choice(list(self.pages))
        if way == "call":
            self._stop_in_a_call(victim)
        else:
            self._wait(self.random.randrange(20, 400))
            getattr(self, f"_{way}")(victim)
        if way != "kill":
            for number in self.pages:
                if number != victim and not self.pages[number].is_closed():
                    self._look(number, figures)
        self._revive()
        self._look(victim, figures)
        figures.cycles += 1
        figures.commits += self.ledger.commits - before

    def _wait(self, milliseconds: float) -> None:
        next(iter(self.pages.values())).wait_for_timeout(milliseconds)

    def _terminate(self, victim: int) -> None:
        self.pages[victim].evaluate("tab.worker.terminate()")
        self.pages[victim].wait_for_function("!tab.db.open")

    def _reload(self, victim: int) -> None:
        self.pages[victim].reload()

    def _close(self, victim: int) -> None:
        self.pages[victim].close()

    def _crash(self, victim: int) -> None:
        with contextlib.suppress(Error):
            self.pages[victim].goto("chrome://crash", timeout=3000)

    def _kill(self, victim: int) -> None:
        """The browser, with all its processes."""
        del victim
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if str(self.profile).encode() in (process / "cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
        with contextlib.suppress(Error):
            self.context.close()
        for name in ("SingletonLock", "SingletonCookie", "SingletonSocket"):
            (self.profile / name).unlink(missing_ok=True)
        self.context = self._start()
        for number in list(self.pages):
            self.open(number)

    def _stop_in_a_call(self, victim: int) -> None:
        """A worker that stops within a storage call, each time a later one."""
        self._quit(victim)
        page = self.pages[victim]
        for other in self.pages:
            if other != victim:  # so that the victim becomes the owner
                self.pages[other].evaluate("tab.stopped = true; tab.db.close()")
        stop = f"?at={self.next_call}" + ("&spins" if self.next_call % SPINS == 0 else "")
        self.next_call += 1
        with contextlib.suppress(Error):  # it may stop while it opens
            page.evaluate(OPEN, [victim, self.storage, stop])
        for other in self.pages:
            if other != victim:
                self._reopen(other)
        page.wait_for_function("!tab.db?.open")

    def _quit(self, number: int) -> None:
        with contextlib.suppress(Error):
            self.pages[number].evaluate("async () => { tab.stopped = true; await tab.db?.close(); }")

    def _reopen(self, number: int) -> None:
        self.pages[number].evaluate(OPEN, [number, self.storage, ""])

    def _revive(self) -> None:
        """Every tab that is gone comes back; with a renderer several may have gone."""
        for number in list(self.pages):
            page = self.pages[number]
            if page.is_closed():
                self.open(number)
                continue
            try:
                alive = page.evaluate("globalThis.tab?.db?.open === true")
            except Error:  # crashed
                with contextlib.suppress(Error):
                    page.close()
                self.open(number)
                continue
            if not alive:
                self._visit(number)

    # --- looking -----------------------------------------------------------------------------------------

    def _look(self, number: int, figures: Figures) -> None:
        """Ask a tab what there is, and compare."""
        added = {tab: set(found) for tab, found in self.ledger.added.items()}
        deleted = dict(self.ledger.deleted)
        page = self.pages[number]
        try:
            state = self._ask(page)
        except Error as error:
            if "crash" in str(error) or "closed" in str(error):
                return  # it shared its process with the victim
            raise
        present: dict[int, set[int]] = defaultdict(set)
        for tab, n in state["items"]:
            present[tab].add(n)
        for tab, rows in added.items():
            lost = {n for n in rows - present[tab] if n > self.ledger.announced[tab]}
            assert not lost, f"rows of tab {tab} that were acknowledged are lost: {sorted(lost)}"
        for tab, n in deleted.items():
            assert not any(found <= n for found in present[tab]), f"rows of tab {tab} up to {n} are back"
        assert (state["integrity"], state["orphans"]) == ("ok", 0)
        assert (state["details"], state["alive"]) == (3 * state["count"], state["count"])
        slowest, surprises = page.evaluate("[tab.slowest, tab.surprises]")
        assert not surprises, surprises
        page.evaluate("tab.slowest = 0")
        figures.slowest_ms = max(figures.slowest_ms, slowest)
        figures.waits_ms.append(state["took"])

    def _ask(self, page: Page) -> dict[str, Any]:
        """The state; what fails because an owner does not answer is asked again."""
        started = time.monotonic()
        while True:
            try:
                found: dict[str, Any] = page.evaluate("tab.state()")
                return found
            except Error as error:
                if time.monotonic() - started > 4 * PATIENCE_MS / 1000 or "database is locked" not in str(error):
                    raise
