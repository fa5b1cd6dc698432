"""Foundations without dependencies: error codes, SqlError, tree helpers."""
