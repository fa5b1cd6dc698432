"""The providers of the table-valued functions there are."""

from __future__ import annotations

from typing import Final

from turso_wasm.catalog.table_functions import TableFunction
from turso_wasm.plan.json_rows import JsonProvider
from turso_wasm.plan.pragma_functions import PragmaProvider
from turso_wasm.plan.providers import Provider
from turso_wasm.plan.series import SeriesProvider

PRAGMAS: Final = PragmaProvider()
PROVIDERS: Final[dict[str, Provider]] = {
    "generate_series": SeriesProvider(),
    "json_each": JsonProvider(),
    "json_tree": JsonProvider(is_tree=True),
    "jsonb_each": JsonProvider(is_binary=True),
    "jsonb_tree": JsonProvider(is_tree=True, is_binary=True),
}


def provider_of(function: TableFunction) -> Provider:
    """What gives the function's rows."""
    return PRAGMAS if function.pragma is not None else PROVIDERS[function.name]
