from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from turso_wasm.runtime.uri import Location
from turso_wasm.server.app import make_app


@pytest.fixture
def location(tmp_path: Path) -> Location:
    return Location(str(tmp_path / "served.db"))


@pytest.fixture
def client(location: Location) -> Iterator[TestClient]:
    with TestClient(make_app(location), raise_server_exceptions=False) as client:
        yield client
