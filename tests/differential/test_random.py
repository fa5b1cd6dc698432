"""A sample of random scripts on each run; `TURSO_DIFFERENTIAL=n` runs n of them, from another seed each time."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.differential.generator import Generator
from tests.differential.run import STATEMENTS, Unsupported, check_file, compare, shrink

RUNS = int(os.environ.get("TURSO_DIFFERENTIAL", "12"))
FIRST = int(time.time()) if "TURSO_DIFFERENTIAL" in os.environ else 1


@pytest.mark.parametrize("seed", range(FIRST, FIRST + RUNS))
def test_random_statements_answer_as_sqlite_does(seed: int) -> None:
    script = Generator(seed).script(STATEMENTS)
    try:
        found = compare(script)
    except Unsupported as error:
        pytest.skip(str(error))
    if found is not None:
        pytest.fail(f"seed {seed}\n{shrink(found).block()}", pytrace=False)


@pytest.mark.parametrize("seed", range(FIRST + 1000, FIRST + 1000 + max(2, RUNS // 4)))
def test_files_we_wrote_are_sound_for_sqlite(seed: int, tmp_path: Path) -> None:
    script = Generator(seed).script(2 * STATEMENTS)
    try:
        wrong = check_file(script, tmp_path)
    except Unsupported as error:
        pytest.skip(str(error))
    assert wrong is None, f"seed {seed}: {wrong}"


def test_generators_of_equal_seed_agree() -> None:
    assert Generator(5).script(50) == Generator(5).script(50)
