"""Data in the shape of TPC-H and its 22 queries, in SQLite's dialect.

    python -m benchmarks.tpch [--scale 0.05] [--runs 3] [--queries 1,6,21]

Each query runs on this engine and on the standard library's sqlite3, on one file without ANALYZE; rows are compared,
and the processor time of the fastest run is shown. `create(connection, scale)` fills a database.
"""

from benchmarks.tpch.data import create
from benchmarks.tpch.queries import QUERIES

__all__ = ["QUERIES", "create"]
