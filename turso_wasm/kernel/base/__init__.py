"""What everything stands on: memory, errors, storage imports, sorting, varints."""
