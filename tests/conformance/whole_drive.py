"""A drive of whole files, as JupyterLite has one: a model that remembers what it was given."""

from __future__ import annotations

from collections.abc import Callable

from turso_wasm.vfs.base import FULL, VfsError


class ModelDrive:
    """vfs/whole.py `Drive`. history: each state of the drive. ends: what waits for the end of a cell, if cells are."""

    def __init__(self, ends: list[Callable[[], None]] | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.stamps: dict[str, int] = {}
        self.history: list[dict[str, bytes]] = [{}]
        self.ends = ends
        self.is_full = False

    def get(self, path: str) -> bytes | None:
        return self.files.get(path)

    def put(self, path: str, content: bytearray | bytes) -> None:
        if self.is_full:
            raise VfsError(FULL)
        self.files[path] = bytes(content)
        self._changed(path)

    def stamp(self, path: str) -> object:
        return self.stamps[path] if path in self.files else None

    def delete(self, path: str) -> None:
        if self.files.pop(path, None) is not None:
            self._changed(path)

    def _changed(self, path: str) -> None:
        self.history.append(dict(self.files))
        self.stamps[path] = len(self.history)

    def later(self, save: Callable[[], None]) -> bool:
        if self.ends is None:
            return False
        if save not in self.ends:
            self.ends.append(save)
        return True

    def end_cell(self) -> None:
        assert self.ends is not None
        for save in self.ends:
            save()
        self.ends.clear()
