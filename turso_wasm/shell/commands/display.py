"""Commands that say how results look, and where they go."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from turso_wasm.shell.commands.registry import UsageError, command, one_of, switch, unescaped
from turso_wasm.shell.formats.style import BATCH, MODES, TERMINAL, Style, chosen, described
from turso_wasm.shell.formats.values import BLOBS, ESCAPES, TEXTS
from turso_wasm.shell.messages import CommandError

if TYPE_CHECKING:
    from turso_wasm.shell.session import Shell

_LIMITS: Final = (5, 300, 20)


@command(
    "mode",
    "?MODE? ?OPTIONS?",
    "Set output mode\n"
    "MODE is one of: " + " ".join(sorted(MODES)) + " batch tty\nOPTIONS:\n"
    "--align STRING       alignment of columns, one of l c r each\n"
    "--blob-quote ARG     auto, text, sql, hex, tcl, json, size\n"
    "--border on|off      the border of box and table\n"
    "--colsep STRING      column separator\n"
    "--escape ARG         control characters: auto, ascii, symbol, off\n"
    "--limits on|off|L,C,T  at most L lines and C characters of a value, T of a title\n"
    "--list               the names of all modes\n"
    "--null STRING        text for NULL\n"
    "--once               for the next input only\n"
    "--quote ARG          off, on, sql, relaxed, csv, html, tcl, json\n"
    "--reset              the settings the mode begins with\n"
    "--rowsep STRING      row separator\n"
    "--sw auto|off|N      width of the screen that tables have to fit in\n"
    "--tablename NAME     for insert\n"
    "--textjsonb on|off   JSONB as JSON\n"
    "--titles on|off      column names\n"
    "--widths LIST        widths of columns\n"
    "--wordwrap on|off    wrap between words\n"
    "--wrap N             wrap columns wider than N\n"
    "-v                   tell all settings",
)
def _mode(shell: Shell, arguments: list[str]) -> None:
    settings, is_once = shell.settings, False
    style = settings.style
    words = iter(arguments)
    shows: bool | None = None if arguments else False
    for word in words:
        option = word.lstrip("-")
        if not word.startswith("-"):
            style = _named(word, style) if word not in TEXTS or word in MODES else style
            if word == "insert":
                style = replace(style, table=next(words, style.table))
        elif option == "list":
            shell.output.line("available modes: " + " ".join(sorted(MODES)) + " batch tty")
            return
        elif option == "v":
            shows = True
        elif option == "once":
            is_once = True
        elif option == "reset":
            style = MODES[style.mode]
        elif option in ("ww", "noquote"):
            style = replace(style, word_wrap=True) if option == "ww" else replace(style, quote="off")
        else:
            style = _with_option(style, option, words)
    if is_once:
        settings.once = style
    else:
        settings.style = style
    if shows is not None:
        shell.output.line(described(style, all_of_it=shows))


def _named(word: str, before: Style) -> Style:
    if word == "tty":
        return replace(TERMINAL, screen=screen_width())
    if word == "batch":
        return BATCH
    names = [word] if word in MODES else [name for name in MODES if name.startswith(word)]
    if word == "tabs" or names[:1] == ["tabs"] or len(names) == 1:
        return chosen(names[0], before)
    known = " ".join(sorted(MODES))
    raise CommandError(f"Error: mode should be one of: {known} batch tty")


def _choice(known: dict[str, Any]) -> Callable[[str], str]:
    def choose(word: str) -> str:
        if word not in known:
            raise CommandError(f'Error: "{word}" should be one of: {" ".join(known)}')
        return word

    return choose


def _limits(word: str) -> tuple[int, int, int]:
    if word in ("on", "off"):
        return _LIMITS if word == "on" else (0, 0, 0)
    numbers = [_number(each) for each in word.split(",")]
    if len(numbers) > len(_LIMITS):
        raise CommandError(f'Error: bad --limits "{word}"')
    return (*numbers, *(0,) * (3 - len(numbers)))  # type: ignore[return-value]


def _number(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise CommandError(f'Error: not a number: "{word}"') from None


def _screen(word: str) -> int:
    return screen_width() if word in ("auto", "on") else 0 if word == "off" else _number(word)


def _quote(word: str) -> str:
    return {"on": "sql"}.get(word) or _choice(TEXTS)(word)


def _alignment(word: str) -> str:
    if set(word) - set("lcr"):
        raise CommandError(f'Error: alignments are l, c and r: "{word}"')
    return word


_OPTIONS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "align": ("alignments", _alignment),
    "blob-quote": ("blob_quote", _choice({"auto": None, **BLOBS})),
    "border": ("border", switch),
    "colsep": ("column_separator", unescaped),
    "escape": ("escape", _choice(ESCAPES)),
    "limits": ("limits", _limits),
    "null": ("null", str),
    "quote": ("quote", _quote),
    "rowsep": ("row_separator", unescaped),
    "screenwidth": ("screen", _screen),
    "sw": ("screen", _screen),
    "tablename": ("table", str),
    "textjsonb": ("text_jsonb", switch),
    "titles": ("titles", switch),
    "widths": ("widths", lambda word: tuple([_number(each) for each in word.replace(",", " ").split()])),
    "wordwrap": ("word_wrap", switch),
    "wrap": ("wrap", _number),
}


def _with_option(style: Style, option: str, words: Any) -> Style:
    begun = [name for name in _OPTIONS if name.startswith(option)]
    name = option if option in _OPTIONS else begun[0] if len(begun) == 1 else None
    if name is None:
        raise CommandError(f'Error: unknown option: "--{option}"')
    if option == "quote" and (word := next(words, "on")) is not None:
        return replace(style, quote=_quote(word))
    word = next(words, None)
    if word is None:
        raise CommandError(f'Error: missing argument on "--{option}"')
    field, read = _OPTIONS[name]
    return replace(style, **{field: read(word)})


def screen_width() -> int:
    """Columns of the terminal."""
    return shutil.get_terminal_size((80, 24)).columns


@command("headers", "on|off", "Turn display of headers on or off", aliases=("header",))
def _headers(shell: Shell, arguments: list[str]) -> None:
    shell.settings.style = replace(shell.settings.style, titles=switch(one_of(arguments)))


@command("nullvalue", "STRING", "Use STRING in place of NULL values")
def _nullvalue(shell: Shell, arguments: list[str]) -> None:
    shell.settings.style = replace(shell.settings.style, null=one_of(arguments))


@command("separator", "COL ?ROW?", "Change the column and row separators")
def _separator(shell: Shell, arguments: list[str]) -> None:
    if not 1 <= len(arguments) <= 2:
        raise UsageError
    style = replace(shell.settings.style, column_separator=unescaped(arguments[0]))
    if len(arguments) > 1:
        style = replace(style, row_separator=unescaped(arguments[1]))
    shell.settings.style = style


@command("width", "NUM1 NUM2 ...", "Set column widths for columnar output\nNegative values right-justify")
def _width(shell: Shell, arguments: list[str]) -> None:
    shell.settings.style = replace(shell.settings.style, widths=tuple([_number(each) for each in arguments]))


@command("eqp", "on|off|full", "Enable or disable automatic EXPLAIN QUERY PLAN")
def _eqp(shell: Shell, arguments: list[str]) -> None:
    word = one_of(arguments)
    shell.settings.eqp = "full" if word == "full" else "on" if switch(word) else "off"


@command("explain", "?on|off|auto?", "Change the EXPLAIN formatting mode.  Default: auto")
def _explain(shell: Shell, arguments: list[str]) -> None:
    word = arguments[0] if arguments else "on"
    shell.settings.explain = "auto" if word == "auto" else "on" if switch(word) else "off"


@command("stats", "?on|off?", "Show stats or turn stats on or off")
def _stats(shell: Shell, arguments: list[str]) -> None:
    if arguments:
        shell.settings.stats = "on" if switch(one_of(arguments)) else "off"
    else:
        shell.show_statistics()


@command("show", "", "Show the current values for various settings")
def _show(shell: Shell, arguments: list[str]) -> None:
    settings, style = shell.settings, shell.settings.style
    rows = {
        "echo": _word(settings.echo),
        "eqp": settings.eqp,
        "explain": settings.explain,
        "headers": _word(style.shows_titles),
        "mode": described(style).removeprefix(".mode "),
        "nullvalue": f'"{style.null}"',
        "output": shell.output.name,
        "colseparator": _c_literal(style.column_separator),
        "rowseparator": _c_literal(style.row_separator),
        "stats": settings.stats,
        "width": " ".join(map(str, style.widths)),
        "filename": shell.path,
    }
    for name, value in rows.items():
        shell.output.line(f"{name:>12}: {value}")


def _word(flag: bool) -> str:
    return "on" if flag else "off"


def _c_literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return '"' + "".join([character if character >= " " else f"\\{ord(character):03o}" for character in escaped]) + '"'


@command(
    "output", "?--bom? ?FILE?", "Send output to FILE or stdout if FILE is omitted\nFILE may be stdout, stderr, off"
)
def _output(shell: Shell, arguments: list[str]) -> None:
    _redirect(shell, arguments, once=False)


@command("once", "?--bom? FILE", "Output for the next SQL command only to FILE")
def _once(shell: Shell, arguments: list[str]) -> None:
    _redirect(shell, arguments, once=True)


def _redirect(shell: Shell, arguments: list[str], *, once: bool) -> None:
    bom = "--bom" in arguments or "-bom" in arguments
    names = [word for word in arguments if not word.endswith("-bom")]
    if len(names) > 1 or (once and not names):
        raise UsageError
    if names and names[0].startswith("|"):
        raise CommandError("Error: pipes are not supported; use a file")
    try:
        shell.output.redirect(names[0] if names else None, once=once, bom=bom)
    except OSError:
        raise CommandError(f'Error: cannot open "{names[0]}" for writing') from None
