"""The columns of sqlite_stmt: those that its module declares, and the runtime gives.

Source: https://sqlite.org/stmt.html
"""

from typing import Final

COLUMNS: Final = ("sql", "ncol", "ro", "busy", "nscan", "nsort", "naidx", "nstep", "reprep", "run", "mem")
