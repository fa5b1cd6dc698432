"""PRAGMA integrity_check: what is wrong with a file."""
