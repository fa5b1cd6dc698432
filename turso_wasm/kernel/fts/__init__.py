"""Full-text search: FTS5 tables in SQLite's format."""
