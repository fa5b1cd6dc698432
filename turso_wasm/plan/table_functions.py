"""The providers of the table-valued functions there are, and of virtual tables."""

from __future__ import annotations

from typing import Final

from turso_wasm.bind.query import Item
from turso_wasm.catalog.names import fold
from turso_wasm.plan.carray import ArrayProvider
from turso_wasm.plan.completion import CompletionProvider
from turso_wasm.plan.json_rows import JsonProvider
from turso_wasm.plan.modules.registry import PLANNED
from turso_wasm.plan.pragma_functions import PragmaProvider
from turso_wasm.plan.providers import Provider
from turso_wasm.plan.series import SeriesProvider
from turso_wasm.plan.user_rows import UserProvider

PRAGMAS: Final = PragmaProvider()
PROVIDERS: Final[dict[str, Provider]] = {
    "carray": ArrayProvider(3),
    "unnest": ArrayProvider(1),
    "completion": CompletionProvider(),
    "generate_series": SeriesProvider(),
    "json_each": JsonProvider(),
    "json_tree": JsonProvider(is_tree=True),
    "jsonb_each": JsonProvider(is_binary=True),
    "jsonb_tree": JsonProvider(is_tree=True, is_binary=True),
}


def provider_of(item: Item) -> Provider:
    """What gives the rows of a function in FROM, or of a virtual table."""
    if item.function is None:
        assert item.table is not None
        return PLANNED[fold(item.table.module)]
    if item.function.number >= 0:
        return UserProvider()
    return PRAGMAS if item.function.pragma is not None else PROVIDERS[item.function.name]
