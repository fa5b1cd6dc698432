"""Modules of virtual tables, as the code generator knows them: how a row is inserted, updated, deleted."""
