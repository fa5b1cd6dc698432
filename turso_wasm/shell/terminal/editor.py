"""The editor of a terminal, by prompt_toolkit: several lines, history, completion, highlighting by pygments."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import has_completions, is_searching
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.styles.pygments import style_from_pygments_cls
from pygments.lexers.sql import SqlLexer
from pygments.styles import get_style_by_name

from turso_wasm.shell.source import has_token
from turso_wasm.shell.terminal.completion import Candidates
from turso_wasm.sql.complete import is_complete

if TYPE_CHECKING:
    from turso_wasm.shell.session import Shell


class Editor:
    """Asks for one statement or dot-command at a time."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._session: PromptSession[str] = PromptSession(
            history=_history(),
            completer=_Completer(Candidates(shell)),
            complete_while_typing=False,
            auto_suggest=AutoSuggestFromHistory(),
            lexer=PygmentsLexer(SqlLexer) if "NO_COLOR" not in os.environ else None,
            style=style_from_pygments_cls(get_style_by_name("default")),
            multiline=True,
            key_bindings=_bindings(),
            prompt_continuation=lambda width, line, wrapped: self._shell.settings.prompts[1],
            enable_open_in_editor=True,
        )

    def ask(self) -> str:
        """What was typed. Errors: EOFError, KeyboardInterrupt."""
        return self._session.prompt(ANSI(self._shell.settings.prompts[0]))


def is_whole(text: str) -> bool:
    """Whether Enter runs it: a dot-command, a statement with its semicolon, or nothing."""
    return text.lstrip().startswith((".", "#")) or not has_token(text) or is_complete(text)


def _bindings() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter", filter=~is_searching)
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
            buffer.complete_state = None
        elif is_whole(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    @bindings.add("tab", filter=~has_completions)
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.current_line_before_cursor.strip():
            buffer.start_completion(insert_common_part=True)
        else:
            buffer.insert_text("    ")

    return bindings


class _Completer(Completer):
    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        word, found = self._candidates.of(document.text_before_cursor.lstrip())
        for text, kind in found:
            yield Completion(text, start_position=-len(word), display_meta=kind)


def _history() -> History:
    path = Path(os.environ.get("TURSO_WASM_HISTORY") or Path.home() / ".turso_wasm_history")
    try:
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))
