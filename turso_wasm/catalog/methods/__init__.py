"""The methods of indexes that are no b-trees: one file each, and a line in the registry."""
