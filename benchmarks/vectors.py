"""An index of vectors beside a scan: how many of the ten nearest it finds, how long that takes, how large it is.

The vectors are the embeddings of words that come with wordllama (benchmarks/requirements.txt): 32,000 of 256
components, of which 30,000 are rows and the others are looked for.

    python -m benchmarks.vectors [--rows N] [--with "bits = 1, …"]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import struct
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import turso_wasm

WEIGHTS = "weights/l2_supercat_256.safetensors"
CONDITIONS = ("true", "part < 50", "part < 10", "part = 7")


def embeddings() -> np.ndarray[Any, Any]:
    """All vectors, in an order of no meaning."""
    spec = importlib.util.find_spec("wordllama")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("pip install -r benchmarks/requirements.txt")
    data = (Path(spec.submodule_search_locations[0]) / WEIGHTS).read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    (of,) = (value for name, value in json.loads(data[8 : 8 + size]).items() if name != "__metadata__")
    begin, end = of["data_offsets"]
    found = np.frombuffer(data[8 + size + begin : 8 + size + end], np.float16).reshape(of["shape"]).astype(np.float32)
    return found[np.random.default_rng(1).permutation(len(found))]


def timed(db: turso_wasm.Connection, sql: str, *values: Any) -> tuple[float, list[Any]]:
    """(Milliseconds of the processor, the rows)."""
    begin = time.process_time()
    rows = db.execute(sql, values).fetchall()
    return (time.process_time() - begin) * 1000, rows


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=30_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--with", dest="options", default="metric = cosine")
    asked = parser.parse_args()
    found = embeddings()
    queries = [query.tobytes() for query in found[-asked.queries :]]
    db = turso_wasm.connect(":memory:")
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, e BLOB, part INTEGER)")
    db.executemany(
        "INSERT INTO t VALUES (?, ?, ?)", [(at + 1, e.tobytes(), at % 100) for at, e in enumerate(found[: asked.rows])]
    )
    db.commit()
    took, _ = timed(db, f"CREATE INDEX i ON t USING ivf (e) WITH ({asked.options})")
    db.commit()
    sizes = dict(db.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall())
    raw, kept = asked.rows * found.shape[1] * 4, sum(size for name, size in sizes.items() if "_index_" in name)
    shares = f"index {kept / raw:.3f}, index and table {(kept + sizes['t']) / raw:.2f} of the vectors"
    print(f"made in {took / 1000:.1f} s; {shares}")
    print("| condition | found of the ten nearest | index, ms | scan, ms |\n|---|---|---|---|")
    for condition in CONDITIONS:
        times: dict[str, list[float]] = {"": [], "0 + ": []}
        hits = 0
        for query in queries[:1] + queries:
            answers = []
            for exact, spent in times.items():
                sql = f"SELECT id FROM t WHERE {condition} ORDER BY {exact}vector_distance_cos(e, ?) LIMIT 10"
                milliseconds, rows = timed(db, sql, query)
                spent.append(milliseconds)
                answers.append({*rows})
            hits += len(answers[0] & answers[1])
        share = hits / (10 * (len(queries) + 1))
        medians = [f"{statistics.median(spent[1:]):.1f} (least {min(spent):.1f})" for spent in times.values()]
        print(f"| `{condition}` | {share:.3f} | {medians[0]} | {medians[1]} |")


if __name__ == "__main__":
    main()
