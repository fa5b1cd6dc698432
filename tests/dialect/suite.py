"""SQLAlchemy's tests of dialects, collected by its own plugin (run.py)."""

from sqlalchemy.testing.suite import *  # noqa: F403
