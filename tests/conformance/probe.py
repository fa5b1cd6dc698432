"""A kernel module for tests: every host import, callable from outside."""

from turso_wasm.kernel.base.vfs import (
    host_now,
    host_random,
    host_sleep,
    vfs_capabilities,
    vfs_check_reserved,
    vfs_close,
    vfs_delete,
    vfs_exists,
    vfs_lock,
    vfs_open,
    vfs_read,
    vfs_size,
    vfs_sync,
    vfs_truncate,
    vfs_unlock,
    vfs_write,
)
from turso_wasm.wasm.lang import export, f64, i32, i64, ptr, u8

__subset__ = True


@export
def probe_open(p: ptr[u8], size: i32, flags: i32) -> i32:
    return vfs_open(p, size, flags)


@export
def probe_close(fd: i32) -> None:
    vfs_close(fd)


@export
def probe_delete(p: ptr[u8], size: i32, durable: i32) -> i32:
    return vfs_delete(p, size, durable)


@export
def probe_exists(p: ptr[u8], size: i32) -> i32:
    return vfs_exists(p, size)


@export
def probe_read(fd: i32, p: ptr[u8], n: i32, offset: i64) -> i32:
    return vfs_read(fd, p, n, offset)


@export
def probe_write(fd: i32, p: ptr[u8], n: i32, offset: i64) -> i32:
    return vfs_write(fd, p, n, offset)


@export
def probe_truncate(fd: i32, size: i64) -> i32:
    return vfs_truncate(fd, size)


@export
def probe_sync(fd: i32) -> i32:
    return vfs_sync(fd)


@export
def probe_size(fd: i32) -> i64:
    return vfs_size(fd)


@export
def probe_lock(fd: i32, level: i32) -> i32:
    return vfs_lock(fd, level)


@export
def probe_unlock(fd: i32, level: i32) -> None:
    vfs_unlock(fd, level)


@export
def probe_check_reserved(fd: i32) -> i32:
    return vfs_check_reserved(fd)


@export
def probe_capabilities(fd: i32) -> i32:
    return vfs_capabilities(fd)


@export
def probe_now() -> f64:
    return host_now()


@export
def probe_random(p: ptr[u8], n: i32) -> None:
    host_random(p, n)


@export
def probe_sleep(ms: i32) -> i32:
    return host_sleep(ms)
