"""Encodings that a person or a file names: Python's codecs for files of text, not for escapes or transports."""

from __future__ import annotations

import codecs

from models.errors import ConfigError, unknown_name

_USUAL = (
    *("utf-8", "utf-16", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("cp874", "iso8859-1", "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-9", "iso8859-15", "koi8-r", "koi8-u"),
    *("mac-roman", "cp437", "cp850", "cp852", "cp866", "shift_jis", "euc_jp", "euc_kr", "cp949", "gb18030", "big5"),
)
_NOT_OF_FILES = ("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7")


def codec_named(name: str) -> str:
    """Python's name of an encoding that a user names.

    Raises:
        ConfigError: There is no such encoding.
    Example:
        >>> codec_named("windows-1250"), codec_named("latin2")
        ('cp1250', 'iso8859-2')
    """
    if codec := find_codec(name):
        return codec
    raise ConfigError(unknown_name("encoding", name, _USUAL, "another that Python knows"))


def find_codec(name: str) -> str:
    """Python's name of an encoding of files of text; "" if there is none."""
    try:
        info = codecs.lookup(name.strip())
        "".encode(info.name)  # fails for codecs that do not map text to bytes
    except (LookupError, ValueError):
        return ""
    return "" if info.name.replace("_", "-") in _NOT_OF_FILES else info.name
