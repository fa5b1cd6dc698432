"""Classes of characters for regular expressions, written as what they exclude: a range that reaches beyond ASCII costs
`re` three milliseconds each time it is compiled.
"""

from __future__ import annotations

from typing import Final

WORD: Final = r"[^\x00-/:-@\[-^`{-\x7f]"  # A-Z a-z 0-9 _ and all beyond ASCII
ID_CHAR: Final = r"[^\x00-\x23%-/:-@\[-^`{-\x7f]"  # and $
BAREWORD: Final = r"[^\x00-\x19\x1b-/:-@\[-^`{-\x7f]"  # WORD and U+001A, which FTS5 takes for a letter
