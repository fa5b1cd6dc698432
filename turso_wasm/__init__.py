"""turso_wasm: a SQLite-compatible database compiled by Python, run by WebAssembly."""
