"""CPython's own tests of `sqlite3`, as the interpreter that runs this has them, against turso_wasm.

    python -m tests.cpython.run [TEST …]

A test is named as unittest names it without the package (`test_dbapi.ModuleTests.test_api_level`); without names all
run. What cannot apply is in NOT_OURS, with the reason. Exit status 0: nothing else failed.
"""

from __future__ import annotations

import importlib
import sys
import unittest

PACKAGE = "test.test_sqlite3"
MODULES = ("backup", "dbapi", "dump", "factory", "hooks", "regression", "transactions", "types", "userfunctions")

_OTHER_VERSION = "Python 3.12 and later have it otherwise, or no more; so do we"
_FINALIZE = "`finalize` of a window's aggregate is not called when its rows are over"
NOT_OURS = {
    "test_dbapi.ModuleTests.test_shared_cache_deprecated": _OTHER_VERSION,
    "test_factory.TextFactoryTests.test_optimized_unicode": _OTHER_VERSION,
    "test_userfunctions.AggregateTests.test_aggr_error_on_create": _OTHER_VERSION,
    "test_userfunctions.FunctionTests.test_func_error_on_create": _OTHER_VERSION,
    "test_userfunctions.WindowFunctionTests.test_win_exception_in_finalize": _FINALIZE,
    "test_userfunctions.WindowFunctionTests.test_win_missing_finalize": _FINALIZE,
    "test_dbapi.ConnectionTests.test_connection_reinit": "rows are made Python values as they are read, many at a time",
    "test_dbapi.ConnectionTests.test_connection_signature": "ours has annotations",
}


def put_in_place() -> None:
    """Let `import sqlite3` mean turso_wasm, in this process."""
    turso_wasm = importlib.import_module("turso_wasm")
    sys.modules["sqlite3"] = turso_wasm
    sys.modules["sqlite3.dbapi2"] = importlib.import_module("turso_wasm.dbapi2")
    sys.modules["_sqlite3"] = turso_wasm


def suite(names: list[str]) -> unittest.TestSuite:
    """All tests, or those named, but for what is not ours."""
    loader = unittest.TestLoader()
    if names:
        return loader.loadTestsFromNames([f"{PACKAGE}.{name}" for name in names])
    found = unittest.TestSuite()
    for module in MODULES:
        for test in _leaves(loader.loadTestsFromName(f"{PACKAGE}.test_{module}")):
            if short_name(test) not in NOT_OURS:
                found.addTest(test)
    return found


def _leaves(tests: unittest.TestSuite) -> list[unittest.TestCase]:
    found: list[unittest.TestCase] = []
    for test in tests:
        found += _leaves(test) if isinstance(test, unittest.TestSuite) else [test]
    return found


def short_name(test: unittest.TestCase) -> str:
    """A test's name without the package."""
    return test.id().removeprefix(f"{PACKAGE}.")


def main(names: list[str]) -> int:
    """Run, report, and say how it went."""
    put_in_place()
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(suite(names))
    failed = sorted({short_name(test) for test, _ in [*result.failures, *result.errors]})
    for name in failed:
        print("FAILED", name)
    print(f"{result.testsRun} run, {len(failed)} failed, {len(result.skipped)} skipped, {len(NOT_OURS)} not ours")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
