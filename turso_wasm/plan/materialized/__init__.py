"""Materialized views: what is kept of a query, and how it follows the rows of tables (docs/materialized-views.md)."""
