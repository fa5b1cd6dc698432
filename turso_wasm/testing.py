"""Databases for tests, as fixtures of pytest: `pytest_plugins = ["turso_wasm.testing"]` in a conftest.py.

turso_template  a database that is set up once; empty unless a fixture of that name of your own gives a `Template`
turso_db        a fork of it for each test: a connection to a database in memory
turso_opfs      the databases in OPFS of a page's origin, with pytest-playwright's `page` and `base_url`
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from turso_wasm.dbapi import Connection, connect

PLACE = "__turso_wasm_testing__"


class Template:
    """A database to be forked: of SQL, of a database file, or of what sets up the connection it is given."""

    def __init__(self, source: str | bytes | Callable[[Connection], object] = b"") -> None:
        self.content = source if isinstance(source, bytes) else _made(source)

    def fork(self, **options: Any) -> Connection:
        """A connection to a database in memory with its content, in less than a millisecond. options: of `connect`."""
        connection = connect(":memory:", **options)
        if self.content:
            connection.deserialize(self.content)
        return connection


def _made(source: str | Callable[[Connection], object]) -> bytes:
    with connect(":memory:") as connection:
        if isinstance(source, str):
            connection.executescript(source)
        else:
            source(connection)
        connection.commit()
        content = connection.serialize()
    connection.close()
    return content


class Opfs:
    """The databases in the origin private file system of the origin of `url`, through Playwright (its synchronous API).

    No page of the application need be loaded: an empty one of its origin is opened in the context of `page`.
    """

    def __init__(self, page: Any, url: str) -> None:
        parts = urlsplit(url)
        if not parts.netloc:
            raise ValueError(f"Opfs takes the URL of the application's page, not {url!r}")
        self._context = page.context
        self._place = f"{parts.scheme}://{parts.netloc}/{PLACE}"

    def seed(self, name: str, content: bytes | Template) -> None:
        """Put a database there, in the place of one of that name. Errors: playwright's Error when it is open."""
        data = content.content if isinstance(content, Template) else content
        self._run("write", name, base64.b64encode(data).decode())

    def read(self, name: str) -> bytes:
        """The content of a database as it was committed last, as a file; it may be open."""
        content, log = (base64.b64decode(text) for text in self._run("read", name))
        if not log:
            return content
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "read.db")
            file.write_bytes(content)
            file.with_name("read.db-wal").write_bytes(log)
            connection = connect(file)
            try:
                return connection.serialize()
            finally:
                connection.close()

    @contextmanager
    def open(self, name: str) -> Iterator[Connection]:
        """A connection to a copy of a database."""
        connection = Template(self.read(name)).fork()
        try:
            yield connection
        finally:
            connection.close()

    def remove(self, name: str) -> None:
        """Delete a database, if there is one. Errors: playwright's Error when it is open."""
        self._run("remove", name)

    def names(self) -> list[str]:
        """Of the databases."""
        return list(self._run("list"))

    def _run(self, *args: str) -> Any:
        self._context.route(self._place, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
        lent = self._context.new_page()
        try:
            lent.goto(self._place)
            return lent.evaluate(_in_origin(), list(args))
        finally:
            lent.close()
            self._context.unroute(self._place)


def _in_origin() -> str:
    """The function of the JavaScript side that does it: in an installed package, or in a checkout."""
    package = Path(__file__).parent
    assets = package / "web_assets"
    file = (assets if assets.is_dir() else package.parent) / "web" / "testing" / "origin.js"
    return file.read_text("utf-8").partition("export ")[2]


@pytest.fixture(scope="session")
def turso_template() -> Template:
    """What `turso_db` forks: to be overridden."""
    return Template()


@pytest.fixture
def turso_db(turso_template: Template) -> Iterator[Connection]:
    """A database of the test's own."""
    connection = turso_template.fork()
    yield connection
    connection.close()


@pytest.fixture
def turso_opfs(page: Any, base_url: str) -> Opfs:
    """The databases in OPFS of the application's origin."""
    return Opfs(page, base_url)
