"""The server of `make demo`."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from demo import serve


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that something else has."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_where_the_usual_port_is_taken_it_has_another(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "DEFAULT_PORT", taken)
    with serve.listening(None) as server:
        assert server.server_address[1] not in (0, taken)


@pytest.mark.parametrize("port", [None, "99999"])
def test_a_port_that_was_asked_for_and_cannot_be_had_is_an_error(
    port: str | None, taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["serve.py", "--no-open", "--port", port or str(taken)])
    assert serve.main() == 1
    assert f"port {port or taken} cannot be used" in capsys.readouterr().err
