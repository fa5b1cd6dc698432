"""Modules of virtual tables, as the catalog knows them: their columns and the tables in which they keep their rows."""
