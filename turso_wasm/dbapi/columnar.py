"""Data frames in and out: what cursors fetch as columns, what connections query and insert.

NumPy and the other libraries are loaded when they are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from turso_wasm.catalog.own import TableFunction
from turso_wasm.dbapi import arguments
from turso_wasm.dbapi.errors import NotSupportedError, ProgrammingError
from turso_wasm.runtime.bulk import BATCH, FEW, insert_batch, rows_text

if TYPE_CHECKING:
    import numpy
    import pandas
    import polars
    import pyarrow

    from turso_wasm.catalog.own import Own
    from turso_wasm.dbapi.frames import Column
    from turso_wasm.dbapi.given_frames import Source
    from turso_wasm.runtime.connection import HostConnection
    from turso_wasm.runtime.schema import Prepared


class Fetching:
    """Base of Cursor: the rows that are left, as columns. Two columns of a name become a and a:1.

    Row factories and converters are not asked. Errors: as fetchall; ImportError when the library is not there.
    """

    __slots__ = ()

    def _plain_rows(self) -> list[tuple[Any, ...]]:
        """Rows that were decoded already."""
        raise NotImplementedError

    def _batches(self) -> Iterator[tuple[bytes, bytes]]:
        """The others, as the kernel has turned them."""
        raise NotImplementedError

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the result columns."""
        raise NotImplementedError

    def fetch_numpy(self) -> dict[str, numpy.ndarray[Any, Any]]:
        """An array for each column, by name.

        Integers are int64, masked where some are NULL; reals, and mixtures of both, float64 with NaN for NULL; other
        columns are arrays of objects.
        """
        return {column.name: column.numpy() for column in self._columns()}

    def fetch_arrow(self) -> pyarrow.Table:
        """A pyarrow.Table of int64, double, large_string, large_binary and null.

        Errors: DataError for a column that mixes texts, blobs and numbers.
        """
        import pyarrow

        columns = self._columns()
        return pyarrow.table([column.arrow() for column in columns], [column.name for column in columns])

    def fetch_df(self) -> pandas.DataFrame:
        """A pandas.DataFrame; integers some of which are NULL are of dtype Int64."""
        import pandas

        return pandas.DataFrame({column.name: column.pandas() for column in self._columns()})

    def fetch_polars(self) -> polars.DataFrame:
        """A polars.DataFrame. Errors: as fetch_arrow."""
        import polars

        found = polars.from_arrow(self.fetch_arrow())
        assert isinstance(found, polars.DataFrame)
        return found

    def _columns(self) -> list[Column]:
        from turso_wasm.dbapi.frames import columns_of

        return columns_of(self.column_names, self._plain_rows(), self._batches())


class Framed:
    """Base of Connection: data frames as tables."""

    def _check(self) -> None:
        raise NotImplementedError

    def _register(self, entry: Own, code: Any, message: str | None) -> None:
        raise NotImplementedError

    def register(self, name: str, frame: Any, /) -> None:
        """Let SQL read `frame` as a table of this name; None: no more. It is read where it lies, as it is then.

        frame: anything with Arrow's PyCapsule interface (pandas, polars, pyarrow, …), a NumPy array with fields, or a
        mapping of names to arrays. NaN and null are NULL, booleans 0 and 1, dates and times ISO 8601 texts.
        Errors: TypeError for something else; NotSupportedError for a column of a type that SQLite has not;
        OverflowError for integers beyond 64 bits; OperationalError when a statement is running that may read it.
        """
        self._check()
        name = arguments.text(name, "register() argument 1")
        if frame is None:
            self._register(TableFunction(name, (), ()), None, None)
            return
        from turso_wasm.dbapi.given_frames import FrameCode, read_frame

        source = read_frame(frame)
        if not source.names:
            raise ProgrammingError("a frame without columns is no table")
        n_rows = 1 << source.n_rows.bit_length()  # Programs are shared by frames of about one size
        self._register(TableFunction(name, source.names, (), rows=n_rows), FrameCode(source), None)

    def unregister(self, name: str, /) -> None:
        """Forget a frame. Errors: as register."""
        self.register(name, None)


def given_frame(parameters: object) -> Source | None:
    """What `executemany` was given, if it is a frame. Errors: as Connection.register."""
    if type(parameters) in (list, tuple) or isinstance(parameters, (Iterator, Mapping)):
        return None
    if not hasattr(parameters, "__arrow_c_stream__") and not hasattr(parameters, "__array_interface__"):
        return None
    from turso_wasm.dbapi.given_frames import read_frame

    return read_frame(parameters)


def insert_frame(
    connection: HostConnection, prepared: Prepared, source: Source
) -> tuple[int, Iterator[tuple[Any, ...]]]:
    """`executemany` as far as whole batches of rows can be inserted at once: how many were, and the rows that are left.

    Errors: those that end the transaction, SQLITE_BUSY.
    """
    at, program = 0, prepared.program
    text = None
    if program.takes_rows and connection.in_transaction and len(source.columns) == program.n_user_params:
        text = rows_text(prepared.sql, program.n_user_params)
    while text is not None and source.n_rows - at > FEW:
        end = min(at + BATCH, source.n_rows)
        if not insert_batch(connection, prepared, text, partial(source.encode_list, at, end)):
            break
        at = end
    return at, source.rows(at)


def check_plain(text_factory: Any) -> None:
    """Errors: NotSupportedError when texts shall not be str."""
    if text_factory is not str:
        raise NotSupportedError("columns have texts as str: text_factory must be str")
