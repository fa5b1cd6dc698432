"""The pager: what b-trees use. Being written: see docs/kernel-abi.md, section pager.py."""

from turso_wasm.kernel.storage import Page, Pager  # noqa: F401
