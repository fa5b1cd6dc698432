"""What `.mode` sets: the modes, and the settings that each begins with."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Final

from turso_wasm.shell.formats.values import BLOBS, ESCAPES, TEXTS, Value, c_string, csv, number

AUTO: Final = "auto"
COLUMNAR: Final = frozenset(("box", "column", "markdown", "psql", "qbox", "split", "table"))


@dataclass(frozen=True, kw_only=True)
class Style:
    """How rows are written.

    titles: whether column names are; None as the mode has it. wrap, screen: widths in columns of the terminal, 0 for
    none. limits: (lines, characters of a value, characters of a title), 0 for none. widths: one a column, negative
    for right-aligned, 0 as wide as needed; alignments: one of `lcr` a column.
    """

    mode: str
    titles: bool | None = None
    column_separator: str = "|"
    row_separator: str = "\n"
    null: str = ""
    quote: str = "off"
    blob_quote: str = AUTO
    escape: str = AUTO
    table: str = ""
    wrap: int = 0
    word_wrap: bool = False
    widths: tuple[int, ...] = ()
    alignments: str = ""
    border: bool = True
    limits: tuple[int, int, int] = (0, 0, 0)
    screen: int = 0
    text_jsonb: bool = False

    @property
    def shows_titles(self) -> bool:
        """Whether the column names are written."""
        return self.mode in COLUMNAR - {"split"} if self.titles is None else self.titles

    def text_of(self, value: Value) -> str:
        """A value as text, quoted and escaped."""
        if value is None:
            return TEXTS["tcl"](self.null) if self.mode == "tcl" else self.null
        if isinstance(value, str):
            if self.quote == "csv":
                return csv(c_string(value), self.column_separator)
            text = TEXTS[self.quote](c_string(value))
            return text if self.quote == "json" else ESCAPES[self.escape](text)
        if isinstance(value, bytes):
            return self._blob_text(value)
        infinity = "9.0e+999" if self.quote == "sql" else "9e999" if self.quote == "json" else "Inf"
        text = number(value, infinity)
        return TEXTS["tcl"](text) if self.quote == "tcl" else text

    def _blob_text(self, blob: bytes) -> str:
        kind = self.blob_quote
        if kind == AUTO:
            kind = {"relaxed": "sql"}.get(self.quote, self.quote)
        if kind in ("off", "csv", "html", "text"):
            return TEXTS[self.quote](BLOBS["text"](blob))
        return BLOBS[kind](blob)


MODES: Final[dict[str, Style]] = {
    "ascii": Style(mode="ascii", column_separator="\x1f", row_separator="\x1e", escape="off"),
    "box": Style(mode="box"),
    "c": Style(mode="c", column_separator=",", quote="tcl"),
    "column": Style(mode="column"),
    "count": Style(mode="count"),
    "csv": Style(mode="csv", column_separator=",", row_separator="\r\n", quote="csv"),
    "html": Style(mode="html", quote="html"),
    "insert": Style(mode="insert", quote="sql", null="NULL"),
    "jatom": Style(mode="jatom", quote="json", null="null"),
    "jobject": Style(mode="jobject", quote="json", null="null"),
    "json": Style(mode="json", quote="json", null="null"),
    "line": Style(mode="line"),
    "list": Style(mode="list"),
    "markdown": Style(mode="markdown"),
    "off": Style(mode="off"),
    "psql": Style(mode="psql", border=False),
    "qbox": Style(mode="qbox", quote="sql", null="NULL", wrap=60),
    "quote": Style(mode="quote", column_separator=",", quote="sql", null="NULL"),
    "split": Style(mode="split", screen=80),
    "table": Style(mode="table"),
    "tabs": Style(mode="tabs", column_separator="\t"),
    "tcl": Style(mode="tcl", column_separator=" ", quote="tcl"),
}
BATCH: Final = MODES["list"]
"""Where no person reads."""
TERMINAL: Final = replace(MODES["qbox"], quote="relaxed", limits=(5, 300, 20), text_jsonb=True)
"""At a terminal."""


def chosen(mode: str, before: Style) -> Style:
    """The mode's own settings; what the user has set of titles and widths stays."""
    return replace(MODES[mode], titles=before.titles, widths=before.widths, alignments=before.alignments)


def described(style: Style, *, all_of_it: bool = False) -> str:
    """The command that sets this style; only what differs from the mode's own settings, unless all_of_it."""
    own = MODES[style.mode]
    words = [f".mode {style.mode}"]
    for each in fields(Style):
        value = getattr(style, each.name)
        if each.name != "mode" and (all_of_it or value != getattr(own, each.name)):
            words.append(f"--{OPTION_NAMES.get(each.name, each.name)} {_shown(value)}")
    return " ".join(words)


OPTION_NAMES: Final = {
    "column_separator": "colsep",
    "row_separator": "rowsep",
    "blob_quote": "blob-quote",
    "table": "tablename",
    "word_wrap": "wordwrap",
    "alignments": "align",
    "screen": "sw",
    "text_jsonb": "textjsonb",
}


def _shown(value: object) -> str:
    if value is None:
        return AUTO
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or '""'
    if isinstance(value, int):
        return str(value)
    text = str(value).encode("unicode_escape").decode("ascii")
    return text if text.isalnum() else f'"{text}"'


@dataclass
class Settings:
    """What the dot-commands set that says how results are shown."""

    style: Style = BATCH
    once: Style | None = None  # for the next statement alone
    explain: str = AUTO
    eqp: str = "off"
    changes: bool = False
    timer: bool = False
    stats: str = "off"
    echo: bool = False
    bail: bool = False
    prompts: list[str] = field(default_factory=lambda: ["turso> ", "  ...> "])
