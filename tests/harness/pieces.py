"""Statements in pieces: suspended at every loop iteration."""

from __future__ import annotations

import struct
from collections import OrderedDict

import pytest
import wasmtime

from turso_wasm.kernel.abi import Run
from turso_wasm.runtime import engine
from turso_wasm.runtime.hosts import wasmtime as host_module

WORD = struct.Struct("<I")


def run_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every Program that is loaded from now on find its time slice over whenever it looks."""
    host = engine.host()
    plain = host_module.WasmtimeHost._link

    def link(host: host_module.WasmtimeHost, instance: host_module.WasmtimeInstance, module: wasmtime.Module) -> None:
        plain(host, instance, module)
        step = instance.step

        def prepared_step(statement: int) -> int:
            host.pack(WORD, statement + Run.offset("budget"), 0)
            return step(statement)

        instance.step = prepared_step

    monkeypatch.setattr(host_module.WasmtimeHost, "_link", link)
    monkeypatch.setattr(host, "_instances", OrderedDict())
