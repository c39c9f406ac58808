"""Text from outside, made fit to be printed: a label, a file name or an error's words must not drive a terminal.

A label may hold an escape that recolours the screen, a newline that forges the line after it, or a mark that turns the
rest of the line round. Everything that is printed goes through `printable`, just before it is written.
"""

from __future__ import annotations

import re

_LONGEST = 8000
# C0 and C1 controls, marks that set the direction of writing, separators of lines, halves of surrogate pairs.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def has_controls(text: str) -> bool:
    """Tell whether `text` holds a character that a terminal or a browser may obey instead of showing it."""
    return _CONTROL.search(text) is not None


def printable(text: object) -> str:
    r"""Return `text` as one line in which a control character is the escape that Python writes for it.

    A line of more than 8,000 characters loses its middle, and says how much of it.

    >>> print(printable("good\x1b[31m\nwritten by: me"))
    good\x1b[31m\nwritten by: me
    """
    line = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))
    if len(line) <= _LONGEST:
        return line
    kept = _LONGEST // 2 - 40
    return f"{line[:kept]} [{len(line) - 2 * kept:,} characters left out] {line[-kept:]}"


def without_secrets(address: str) -> str:
    """Return an address without the user, password and query in it, which may hold tokens."""
    return re.sub(r"(?<=://)[^/@\s]*@|\?\S*", "", address) if "://" in address else address
