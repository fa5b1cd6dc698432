"""A shell in this process, as a script drives it."""

import io
from contextlib import closing

import pytest

from turso_wasm.shell.session import Shell
from turso_wasm.shell.source import Source


class Session:
    """Runs scripts in a shell of its own. `run` gives what was written; errors stand in it, where they occurred."""

    def __init__(self, path=":memory:", **options):
        self.written = io.StringIO()
        self.shell = Shell(path, stdout=self.written, **options)
        self.shell.errors = self.written

    def run(self, script):
        before = self.written.tell()
        Source(self.shell).run(io.StringIO(script))
        return self.written.getvalue()[before:]


@pytest.fixture
def session(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = Session()
    with closing(session.shell.connection):
        yield session


@pytest.fixture
def run(session):
    return session.run
