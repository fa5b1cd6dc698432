"""`.schema --indent`: CREATE TABLE with a column a line."""

from __future__ import annotations

import re

from turso_wasm.sql.lexer import END, tokenize


def indented(sql: str) -> str:
    """The statement with the elements of its outermost parentheses on lines of their own, if that is worth it."""
    flat = re.sub(r"\s+", " ", sql).strip() if "--" not in sql and "/*" not in sql and "'" not in sql else sql
    if (
        not re.match(r"(?i)create (temp |temporary )?(table|index|unique index)", flat)
        or flat[:14].upper() == "CREATE VIRTUAL"
    ):
        return sql
    tokens = tokenize(flat)
    depth = n_commas = 0
    cuts: list[tuple[int, str]] = []
    for kind, start, end in zip(tokens.kinds, tokens.starts, tokens.ends, strict=False):
        if kind == END:
            break
        if kind == "(":
            depth += 1
            if depth == 1 and not cuts:
                cuts.append((end, "\n  "))
        elif kind == ")":
            depth -= 1
            if depth == 0 and n_commas and len(cuts) == n_commas + 1:
                cuts.append((start, "\n"))
        elif kind == "," and depth == 1:
            n_commas += 1
            cuts.append((end, "\n  "))
    if len(cuts) < 3 or len(flat) < 60 and n_commas < 2:  # noqa: RUF021
        return flat
    parts, at = [], 0
    for cut, text in cuts:
        parts += [flat[at:cut], text]
        at = cut + (flat[cut : cut + 1] == " " and text != "\n")
    return "".join(parts) + flat[at:]
