"""SQLite's byte layouts, as data: what a database file, a WAL and a rollback journal consist of.

Owns encoding and decoding of single structures, for the runtime's peeks at headers and as the tests' reference. Does no
I/O and runs on no hot path; the kernel has its own code.
"""
