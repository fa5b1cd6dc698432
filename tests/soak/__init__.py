"""Killing tabs, workers and browsers while they write, again and again: what was acknowledged must be there."""
