"""Modules of virtual tables, as the planner knows them: in which ways they give rows."""
