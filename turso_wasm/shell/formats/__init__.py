"""How rows are written: `style.py` has the modes and their settings, `lines.py` and `columns.py` the writers."""
