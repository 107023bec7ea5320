"""What the engines must know of texts to treat them alike."""

from __future__ import annotations

from typing import Final

BLANKS: Final = " \t\n\r\f\v\u00a0\u3000"
"""What `trim` takes away: white space of ASCII, the blank that does not break, and the ideographic one."""
BLANKS_CLASS: Final = "[\\x{9}-\\x{D}\\x{20}\\x{A0}\\x{3000}]"
"""The same as a class of a pattern."""
LONG_CAPITALS: Final = {letter: letter.upper() for letter in map(chr, range(0x80, 0xFB18)) if len(letter.upper()) > 1}
"""Letters whose capitals are several letters, such as ß."""
