"""Pictures and fonts inside a text, as `data:` addresses of base64: no text, and often longer than all of it."""

from __future__ import annotations

import re

_DATA_URI = re.compile(
    r"data:[\w.+-]+/[\w.+-]+(?:;[\w.+-]+=[\w.+-]+)*;base64,"
    # A mail's line ends may cut it.
    r"(?:[A-Za-z0-9+/=_-]|%[0-9A-Fa-f]{2}|[ \t]*\n[ \t]*(?=[A-Za-z0-9+/=]{40}))*",
    re.IGNORECASE,
)


def drop_data_uris(text: str, instead: str = "") -> str:
    """A text without its `data:` addresses of base64.

    Args:
        text: Any text.
        instead: What stands for each of them.
    Example:
        >>> drop_data_uris("A dot (data:image/png;base64,iVBORw0KGgo=) in red.")
        'A dot () in red.'
    """
    return _DATA_URI.sub(instead, text) if ";base64," in text else text
