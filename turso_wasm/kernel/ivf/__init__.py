"""Indexes of vectors: inverted lists of codes."""
