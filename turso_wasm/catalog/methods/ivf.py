"""Indexes of vectors (docs/vectors.md): inverted lists of codes of a few bits a component.

    state  one row: how many components vectors have (of the first one), the centroids of the lists, one behind the
           other, and of how many rows they were made; NULL: there are too few yet, and queries read the table
    rows   of each row, in which list it is
    lists  the rows of each list, with their codes (kernel/vector/codes.py); list 0: those that have none

The centroids are made when the index is, and anew when there are twice as many rows (`Method.grow`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.catalog.derived import Derived, Method, Option, Options
from turso_wasm.catalog.names import fold, quote_identifier, quote_text

METRICS: Final = {"cosine": 0, "l2": 1, "dot": 2}  # as in kernel/vector/distance.py
LISTS_MOST: Final = 4096
PROBES_MOST: Final = LISTS_MOST
BITS_MOST: Final = 4
LEAST_ROWS: Final = 1000
"""A scan of fewer is quick enough."""
SAMPLED: Final = 16  # vectors that train a centroid
ROUNDS: Final = 5
_NUMBERS: Final = {"lists": LISTS_MOST, "bits": BITS_MOST, "probes": PROBES_MOST}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the options of an index say. 0: as many as is usual for so many rows."""

    metric: str = "cosine"
    lists: int = 0
    bits: int = 2
    probes: int = 0

    @property
    def metric_number(self) -> int:
        """As the kernel knows it."""
        return METRICS[self.metric]


def settings_of(index: Derived) -> Settings:
    """The settings of an index. Of options in which somebody has written something else, what can be understood."""
    known = {}
    for name, value in index.options.items():
        if name in _NUMBERS and type(value) is int and 0 <= value <= _NUMBERS[name]:
            known[name] = value
    metric = index.options.get("metric")
    bits = known.pop("bits", 0) or Settings().bits
    return Settings(metric=metric if isinstance(metric, str) and metric in METRICS else "cosine", bits=bits, **known)


class IvfMethod(Method):
    """Options: metric, `cosine`, `l2` or `dot`; lists, how many (0: three times the root of the number of rows, up to
    1024); bits of a component in a code; probes: after so many lists that have none of the nearest a search ends (0: a
    quarter of them).
    """

    name = "ivf"

    def options(self, columns: tuple[str, ...], given: Mapping[str, Option]) -> Options:
        """See Method. Errors: several columns, too."""
        if len(columns) != 1:
            raise SqlError(SQLITE_ERROR, f"an index USING {self.name} is on one column")
        known: dict[str, Any] = {}
        for name, value in given.items():
            if name == "metric":
                metric = fold(value) if isinstance(value, str) else ""
                if metric not in METRICS:
                    raise SqlError(SQLITE_ERROR, f"metric is one of {', '.join(METRICS)}, not {value}")
                known[name] = metric
            elif name in _NUMBERS:
                if not isinstance(value, int) or not 1 <= value <= _NUMBERS[name]:
                    raise SqlError(SQLITE_ERROR, f"{name} is a number from 1 to {_NUMBERS[name]}, not {value}")
                known[name] = value
            else:
                raise SqlError(SQLITE_ERROR, f"unknown option of an index USING {self.name}: {name}")
        return asdict(Settings(**known))

    def tables(self, index: Derived) -> dict[str, str]:
        """See Method."""
        part = index.part
        return {
            "state": f"CREATE TABLE {part('state')}"
            "(id INTEGER PRIMARY KEY, dimensions INTEGER, trained INTEGER, is_new INTEGER, centroids BLOB)",
            "rows": f"CREATE TABLE {part('rows')}(id INTEGER PRIMARY KEY, list INTEGER)",
            "lists": f"CREATE TABLE {part('lists')}"
            "(list INTEGER, id INTEGER, code BLOB, PRIMARY KEY (list, id)) WITHOUT ROWID",
        }

    def put(self, index: Derived, rows: str) -> tuple[str, ...]:
        """See Method."""
        given = f"(WITH given(id, vector) AS ({rows}) SELECT id, vector FROM given)"
        return (
            *self.take(index, f"IN (SELECT id FROM {given})"),
            self._first(index, given),
            *self._enter(index, given, "true", is_strict=True),
        )

    def take(self, index: Derived, ids: str) -> tuple[str, ...]:
        """See Method."""
        rows, lists = index.part("rows"), index.part("lists")
        return (
            f"DELETE FROM {lists} WHERE list IN (SELECT list FROM {rows} WHERE id {ids}) AND id {ids}",
            f"DELETE FROM {rows} WHERE id {ids}",
        )

    def clear(self, index: Derived) -> tuple[str, ...]:
        """See Method."""
        return tuple(f"DELETE FROM {index.part(suffix)}" for suffix in self.tables(index))

    def fill(self, index: Derived, rows: str) -> tuple[str, ...]:
        """See Method."""
        given = f"(WITH given(id, vector) AS ({rows}) SELECT id, vector FROM given)"
        return (self._first(index, given), *self._train(index, "true", is_strict=True))

    def grow(self, index: Derived) -> tuple[str, ...]:
        """See Method."""
        return self._train(index, f"(SELECT count(*) FROM {index.part('rows')}) >= max({LEAST_ROWS}, 2 * trained)")

    def optimize(self, index: Derived) -> tuple[str, ...]:
        """See Method: the lists are made anew, as by REINDEX, but that nothing is an error."""
        return self._train(index, "true")

    def _first(self, index: Derived, given: str) -> str:
        """The first vector says how many components all have."""
        state, of = index.part("state"), "__turso_ivf_dimensions(vector)"
        return (
            f"INSERT INTO {state} SELECT 1, {of}, 0, 0, NULL FROM {given} "
            f"WHERE NOT EXISTS (SELECT 1 FROM {state}) AND {of} IS NOT NULL LIMIT 1"
        )

    def _enter(self, index: Derived, given: str, where: str, is_strict: bool) -> tuple[str, ...]:
        """Rows, into the lists that there are. is_strict: a vector that does not fit is an error, unless SQLite has
        written it.
        """
        state, rows, lists = (index.part(suffix) for suffix in ("state", "rows", "lists"))
        metric = settings_of(index).metric_number
        name = f"(SELECT {quote_text(index.name)} WHERE {index.is_current})" if is_strict else "NULL"
        centroids, dimensions = (f"(SELECT {column} FROM {state})" for column in ("centroids", "dimensions"))
        at = f"__turso_ivf_list(vector, {centroids}, {dimensions}, {metric}, g.id, {name})"
        code = f"__turso_ivf_code(vector, {centroids}, list, {metric}, {settings_of(index).bits})"
        return (
            f"INSERT INTO {rows}(id, list) SELECT g.id, {at} FROM {given} g WHERE {where}",
            f"INSERT INTO {lists}(list, id, code) SELECT list, g.id, {code} FROM {given} g "
            f"JOIN {rows} r ON r.id = g.id WHERE list IS NOT NULL AND {where} ORDER BY 1, 2",
        )

    def _train(self, index: Derived, condition: str, is_strict: bool = False) -> tuple[str, ...]:
        """Centroids anew, and every row into one of their lists."""
        state, rows, lists = (index.part(suffix) for suffix in ("state", "rows", "lists"))
        table = quote_identifier(index.table)
        given = f"(WITH given(id, vector) AS ({index.rows()}) SELECT id, vector FROM given)"
        metric = settings_of(index).metric_number
        wanted = settings_of(index).lists or "min(1024, CAST(3 * sqrt(count(*)) AS INTEGER))"
        centroids = (
            "WITH RECURSIVE "
            f"number(n, width) AS (SELECT {wanted}, (SELECT (dimensions + 63) / 64 * 64 FROM {state}) FROM {table}), "
            "sample(vectors) AS MATERIALIZED (SELECT __turso_ivf_sample(vector, s.dimensions, "
            f"{metric}, {SAMPLED} * n) FROM {state} s, number, {given}), "
            "means(round, centroids) AS (SELECT 0, substr(vectors, 1, n * width * 4) FROM sample, number UNION ALL "
            "SELECT round + 1, __turso_ivf_means(vectors, centroids, width) FROM means, sample, number "
            f"WHERE round < {ROUNDS} AND centroids IS NOT NULL) "
            f"SELECT centroids FROM means WHERE round = {ROUNDS}"
        )
        count = f"(SELECT count(*) FROM {table})"
        is_new = f"(SELECT is_new FROM {state})"
        return (
            f"UPDATE {state} SET is_new = 1, trained = {count}, "
            f"centroids = CASE WHEN {count} >= {LEAST_ROWS} THEN ({centroids}) END WHERE {condition}",
            f"DELETE FROM {lists} WHERE {is_new}",
            f"DELETE FROM {rows} WHERE {is_new}",
            *self._enter(index, given, is_new, is_strict),
            f"UPDATE {state} SET is_new = 0 WHERE is_new",
        )
