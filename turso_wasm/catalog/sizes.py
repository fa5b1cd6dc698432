"""Classes of tables' sizes (kernel/btree/size.py), as plans and Programs name them."""

from typing import Final

ANY_SMALL: Final = 0  # whatever is small
SMALLEST: Final = 1
SMALL_TABLE: Final = 6  # the largest class that is
