"""Pages of a database file, their transactions, and what makes them durable."""
