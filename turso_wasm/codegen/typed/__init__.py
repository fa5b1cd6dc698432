"""Typed functions of the user's as WebAssembly (docs/decisions/0027-typed-python.md)."""
