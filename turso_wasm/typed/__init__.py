"""Typed Python: functions of the user's that are compiled into queries (docs/typed-python.md)."""
