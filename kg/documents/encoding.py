"""Bytes of any usual encoding to text. Binary data is refused instead of guessed at."""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO

from kg.language.text import normalise
from models.errors import InputError

_BLOCK = 1 << 20
_SAMPLE = 1 << 16
_MAX_CONTROLS = 0.02
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Encodings that files still come in. A longer list only adds ways to be wrong about a short text.
_LEGACY = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874", "mac_roman", "koi8_r"),
    *("cp949", "gb18030", "cp932", "euc_jp", "big5", "iso2022_jp"),
)
_CONTROL_BYTES = bytes(set(range(0x20)) - set(b"\t\n\v\f\r\x1b"))


def decode(data: bytes, source: str, declared: str | None = None) -> str:
    """Bytes of any usual encoding to normalised text.

    Args:
        data: Complete content of a file.
        source: Name of the file, for messages.
        declared: Encoding that the file declares, tried after UTF-8.
    Raises:
        InputError: The bytes are not text.
    """
    encoding = detect_encoding(io.BytesIO(data), source, declared)
    try:
        return normalise(data.decode(encoding))
    except UnicodeDecodeError as error:
        raise InputError(broken_encoding(source, error)) from error


def broken_encoding(source: str, error: UnicodeDecodeError) -> str:
    """Message for a text whose encoding fails at some byte."""
    return f"{source} looks like {error.encoding}, but byte {error.start} is not. Save the file as UTF-8."


def detect_encoding(stream: BinaryIO, source: str, declared: str | None = None) -> str:
    """Find the encoding of a stream, reading it block by block.

    Byte order mark, then UTF-16 without one, then UTF-8 if the whole stream is valid, then the
    declared encoding, then the likeliest of the legacy encodings.

    Args:
        stream: Bytes, read from the current position.
        source: Name of the file, for messages.
        declared: Encoding that the file declares.
    Returns:
        Name of a Python codec.
    Raises:
        InputError: The bytes are not text.
    """
    block = stream.read(_BLOCK)
    for mark, encoding in _BOMS:
        if block.startswith(mark):
            return encoding
    if encoding := _bare_utf16(block[:_SAMPLE]):
        return encoding
    decoder = codecs.getincrementaldecoder("utf-8")()
    while True:
        _refuse_binary(block, source)
        following = stream.read(_BLOCK)
        try:
            decoder.decode(block, final=not following)
        except UnicodeDecodeError as error:
            return _legacy(_around(block, error.start), source, declared)
        if not following:
            return "utf-8"
        block = following


def _bare_utf16(sample: bytes) -> str:
    """The byte order of UTF-16 without a mark, or "": every other byte is mostly zero, and the rest hardly ever."""
    pairs = len(sample) // 2
    if pairs < 2:
        return ""
    even, odd = sample[0::2].count(0) / pairs, sample[1::2].count(0) / pairs
    if odd > 0.3 and even < 0.02:
        return "utf-16-le"
    return "utf-16-be" if even > 0.3 and odd < 0.02 else ""


def _refuse_binary(block: bytes, source: str) -> None:
    controls = len(block) - len(block.translate(None, _CONTROL_BYTES))
    if controls > _MAX_CONTROLS * len(block):
        content = "only zeros" if not block.strip(b"\0") else f"{controls} control bytes among {len(block)}"
        raise InputError(f"{source} is binary, not text ({content}). Leave it out, or convert it to text.")


def _around(block: bytes, position: int) -> bytes:
    """Complete lines around the first byte that is not UTF-8, at most some 64 KiB of them."""
    start = block.rfind(b"\n", 0, max(position - _SAMPLE // 2, 0)) + 1
    if position - start > _SAMPLE:
        start = position - _SAMPLE // 2
    end = block.rfind(b"\n", position, position + _SAMPLE // 2)
    return block[start : end if end > position else position + _SAMPLE // 2]


def _legacy(sample: bytes, source: str, declared: str | None) -> str:
    """The declared encoding where the sample is in it, else the likeliest of the legacy encodings."""
    if declared:
        try:
            sample.decode(declared)
            return declared
        except (LookupError, UnicodeDecodeError):
            pass  # pages often declare a wrong encoding
    from charset_normalizer import from_bytes

    matches = from_bytes(sample, cp_isolation=list(_LEGACY))
    best = matches.best()
    if best is None:
        raise InputError(f"{source} is in no encoding that GRAFT knows. Save the file as UTF-8.")
    for match in matches:
        # A short Western text fits several tables equally well; the commonest of them is cp1252.
        as_good = match.chaos <= best.chaos and match.coherence >= best.coherence
        if as_good and "cp1252" in match.could_be_from_charset:
            return "cp1252"
    return best.encoding
