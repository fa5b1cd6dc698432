"""The typed-Python front end: kernel modules in, one WebAssembly module out (see docs/subset.md)."""
