"""Releasing what a statement holds: the resources in its list, whatever their kind.

Owns the dispatch from a resource's kind to the function that frees what it owns. Called when a statement is reset.
"""

from turso_wasm.kernel.abi import Statement
from turso_wasm.kernel.hashtable import Hash, hash_release
from turso_wasm.kernel.memory import arena_free, mfree
from turso_wasm.kernel.resources import (
    RESOURCE_BUFFER,
    RESOURCE_HASH,
    RESOURCE_KEEP,
    RESOURCE_ROWLIST,
    RESOURCE_SORTER,
    Buffer,
    Keep,
    Resource,
    resource_unlink,
)
from turso_wasm.kernel.rowlist import RowList
from turso_wasm.kernel.sorter import Sorter, sorter_release
from turso_wasm.wasm.lang import export, i32, ptr, u8


def resource_release(resource: i32) -> None:
    """Free what a resource owns, and the resource; it is in no list any more."""
    kind: i32 = Resource(resource).kind
    if kind == RESOURCE_KEEP:
        arena_free(Keep(resource).arena)
    elif kind == RESOURCE_BUFFER:
        mfree(Buffer(resource).data)
    elif kind == RESOURCE_SORTER:
        sorter_release(Sorter(resource))
    elif kind == RESOURCE_HASH:
        hash_release(Hash(resource))
    elif kind == RESOURCE_ROWLIST:
        mfree(ptr[u8](RowList(resource).rows))
    else:
        assert kind == 0, "release: a resource of unknown kind"
    mfree(ptr[u8](resource))


@export
def resource_free(stmt: Statement, resource: i32) -> None:
    """Free one resource of the statement (a sorter or hash table that is done with) before the statement ends."""
    if resource_unlink(stmt, resource):
        resource_release(resource)


@export
def resources_free(stmt: Statement) -> None:
    """Free every resource of the statement."""
    while stmt.resources:
        at: i32 = stmt.resources
        stmt.resources = Resource(at).next
        resource_release(at)
