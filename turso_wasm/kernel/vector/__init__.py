"""Vectors: their blobs and texts, and how far apart two of them are."""
