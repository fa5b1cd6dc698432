"""SQLite's byte layouts, as data: what a database file, a WAL and a rollback journal consist of.

Owns encoding and decoding of single structures: the model that tests compare the kernel's own code with. Does no I/O.
"""
