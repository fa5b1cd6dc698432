"""How hard the tests try: `make soak` sets TURSO_HEAVY=1, for thousands of cases where a normal run takes a sample."""

import os

HEAVY = os.environ.get("TURSO_HEAVY") == "1"
