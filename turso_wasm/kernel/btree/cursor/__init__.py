"""Cursors: positions in a b-tree."""
