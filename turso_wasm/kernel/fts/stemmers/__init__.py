"""Stemmers: the Snowball algorithms (https://snowballstem.org/algorithms), from their descriptions."""
