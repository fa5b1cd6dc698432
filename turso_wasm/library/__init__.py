"""Functions beyond SQLite's, written in typed Python: compiled into the statements that call them, and not before.

A function takes NULL for any argument and gives NULL then, unless its parameter may be None. What it raises is the
error of the statement. Names and results are Turso's, where it has them.
"""
