"""Connections, their statements, transactions and settings."""
