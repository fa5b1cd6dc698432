"""The model of a SQL value: storage classes, affinity, collation, order, conversions.

The reference semantics in plain Python: used to fold constants, and as the model of the kernel's tests. Never run per
row.
"""

from turso_wasm.values.comparison import compare
from turso_wasm.values.conversion import apply_affinity, cast, truth
from turso_wasm.values.types import (
    Affinity,
    Collation,
    SqlValue,
    StorageClass,
    declared_affinity,
    find_collation,
    storage_class,
)

__all__ = [
    "Affinity",
    "Collation",
    "SqlValue",
    "StorageClass",
    "apply_affinity",
    "cast",
    "compare",
    "declared_affinity",
    "find_collation",
    "storage_class",
    "truth",
]
