"""What a file is by its first bytes, for messages about files with the wrong suffix."""

from __future__ import annotations

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""First bytes of Office documents before 2007, and of encrypted ones since."""
_KINDS = (
    (b"%PDF-", "a PDF"),
    (b"{\\rtf", "an RTF document"),
    (OLE, "an old binary Office document, or an encrypted one"),
    (b"PK\x03\x04", "a ZIP archive, such as docx, xlsx, odt or epub"),
    (b"\x1f\x8b", "compressed by gzip"),
    *((b"BZh%d1AY&SY" % level, "compressed by bzip2") for level in range(1, 10)),
    (b"7z\xbc\xaf\x27\x1c", "compressed by 7-Zip"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF87a", "an image"),
    (b"GIF89a", "an image"),
    (b"SQLite format 3", "an SQLite database"),
)
_HTML = (b"<!doctype html", b"<html")


def content_kind(head: bytes) -> str:
    """What a file is, with its article; "" if its first bytes do not say.

    Example:
        >>> content_kind(b"%PDF-1.7"), content_kind(b"The mill")
        ('a PDF', '')
    """
    for signature, kind in _KINDS:
        if head.startswith(signature):
            return kind
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(_HTML):
        return "a web page"
    return "XML" if start.startswith(b"<?xml") else ""


def is_text(head: bytes) -> bool:
    """Whether the first bytes of a file may be those of text, with marks or without."""
    return content_kind(head) in ("", "a web page", "XML")


def wrong_content(name: str, expected: str, head: bytes) -> str:
    """Message for a file whose content is not what its suffix says."""
    if not head.strip(b"\0 \t\r\n"):
        return f"{name} is empty."
    found = content_kind(head)
    if found:
        return f"{name} is not {expected}: its content is {found}. Give it the suffix of what it is."
    return f"{name} is not {expected}: it begins with {head[:8]!r}. Save it again, or give it the suffix of what it is."
