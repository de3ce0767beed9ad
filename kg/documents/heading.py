"""The heading that a passage carries wherever it is embedded, searched or shown: title and date of its document."""

from __future__ import annotations


def heading_of(title: str, date: str) -> str:
    """Title and date as the beginning of a passage, "" without either.

    Example:
        >>> heading_of("Bridge opens", "2031-03-04"), heading_of("", "2031"), heading_of(" ", "")
        ('Bridge opens (2031-03-04): ', '(2031): ', '')
    """
    heading = " ".join(part for part in (title.strip(), f"({date})" if date else "") if part)
    return f"{heading}: " if heading else ""
