"""JSON: text and JSONB, paths, edits, and the SQL functions over them."""
