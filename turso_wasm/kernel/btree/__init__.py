"""B-trees in pages."""
