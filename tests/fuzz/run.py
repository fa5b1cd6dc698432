"""One random script from a seed, and what became of it."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, field

import apsw

from tests.fuzz.dense import Dense
from tests.fuzz.engines import Fault, Pair, Stop, Unsupported, replay
from tests.fuzz.model import learn
from tests.fuzz.modes import running
from tests.fuzz.shrink import shrink
from tests.fuzz.statements import Generator, Script

STEPS = 30


@dataclass(slots=True)
class Outcome:
    """counts: statements that ran, that failed as in SQLite, laws. unsupported: how often what was not supported."""

    script: Script
    counts: Counter[str] = field(default_factory=Counter)
    unsupported: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    fault: Fault | None = None


def fuzz(
    seed: int, mode: str = "plain", n_steps: int = STEPS, dense: type[Dense] | None = None, focus: str = ""
) -> Outcome:
    """Write a script of that seed and run it step by step, as the schema comes to be. dense, focus: see Generator."""
    generator = Generator(seed, dense, focus)
    script = Script(seed, mode=mode)
    outcome = Outcome(script, used=generator.used)
    pair = Pair(script)
    try:
        with running(mode):
            for at in range(n_steps):
                with contextlib.suppress(apsw.BusyError):
                    learn(generator.schema, pair.database)
                script.steps.append(generator.first(at) if generator.begins(at) else generator.statement())
                try:
                    outcome.fault = pair.run(at)
                except Unsupported as error:
                    outcome.unsupported[error.args[0]] += 1
                if outcome.fault is not None and outcome.fault.kind == "hang" and replay(script) is None:
                    outcome.counts["stalled"] += 1  # it was the machine
                    outcome.fault = None
                    return outcome
                if outcome.fault is not None:
                    return outcome
        outcome.fault = pair.finish()
    except Stop:
        outcome.counts["undetermined"] += 1
    finally:
        outcome.counts.update(pair.statements)
        pair.close()
    return outcome


def shrunk(fault: Fault, seconds: float = 60.0) -> Fault:
    """The same fault with the smallest script found."""
    return shrink(fault, seconds)
