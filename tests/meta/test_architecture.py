"""docs/ARCHITECTURE.md names real things: every name in it that begins with one of our packages resolves."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
PACKAGES = {path.name for path in (ROOT / "turso_wasm").iterdir() if path.is_dir() and (path / "__init__.py").exists()}
NAMES = sorted({name for name in re.findall(r"`([a-z_]+(?:\.\w+)*)`", TEXT) if name.split(".")[0] in PACKAGES})


def resolve(name: str) -> object:
    """The module, or the attribute of a module, of that dotted name below turso_wasm."""
    parts = name.split(".")
    for at in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module("turso_wasm." + ".".join(parts[:at]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[at:]:
            found = getattr(found, attribute)
        return found
    raise LookupError(name)


def test_the_document_names_many_things() -> None:
    assert len(NAMES) > 40


@pytest.mark.parametrize("name", NAMES)
def test_name_resolves(name: str) -> None:
    resolve(name)
