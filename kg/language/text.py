"""Text as GRAFT keeps it: decoded, NFC, newlines as "\\n", no control characters; and names as keys.

Every text passes through `normalise` once, when it is loaded, so that spans into it never move again.
`decode` refuses binary data instead of guessing at it. `normalise_name` makes the key by which
entity resolution finds the same name: it is for comparing, never for showing.
"""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from functools import lru_cache
from typing import BinaryIO

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
_NEWLINES = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]")
_SURROGATES = re.compile("[\ud800-\udfff]")

_SPACES = re.compile(r"\s+")
_ARTICLE = re.compile(r"^(?:the|an?) (?=\S)")
_APOSTROPHES = str.maketrans("‘’ʼ`´", "'''''")
_POSSESSIVE = re.compile(r"(?<=\S)'s$")
_MEANINGFUL = "#%&*@"  # "C#" and "C" are two names
_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">", "«": "»", "「": "」", "『": "』", "【": "】", "《": "》", "〈": "〉"}
_CLOSERS = {closer: opener for opener, closer in _PAIRS.items()}


def normalise(text: str) -> str:
    """A text in the one form in which it is stored.

    Unicode NFC; every kind of line end is "\\n"; stray control characters and byte order marks are
    removed, and halves of surrogate pairs become U+FFFD. Idempotent.

    Example:
        >>> normalise("Cafe\\u0301\\r\\nbar\\x00")
        'Café\\nbar'
    """
    text = _UNWANTED.sub("", _NEWLINES.sub("\n", text))
    return unicodedata.normalize("NFC", _SURROGATES.sub("\ufffd", text))


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


@lru_cache(maxsize=1 << 17)  # resolution calls it for every name once a fact
def normalise_name(name: str) -> str:
    """Key that all spellings of one name share; never empty for a name that is not.

    Width, case, spaces, quotes and punctuation at the ends, a leading English article and a final
    possessive do not count. A name of nothing else (punctuation, emoji) stays as it is.

    Example:
        >>> normalise_name("  The “Saltmarsh  Herald”'s "), normalise_name("ＡＢＣ 주식회사."), normalise_name("!!")
        ('saltmarsh herald', 'abc 주식회사', '!!')
    """
    key = name
    # Each step may uncover the next one's work: «The "Herald"'s» loses the possessive, then the quotes.
    while (shorter := _shorten(key)) != key:
        key = shorter
    return key if any(character.isalnum() for character in key) else name.strip() or name


def _shorten(key: str) -> str:
    key = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", key).casefold()).translate(_APOSTROPHES)
    key = "".join(" " if c.isspace() else c for c in key if unicodedata.category(c) not in ("Cf", "Cc") or c.isspace())
    key = _strip_ends(_SPACES.sub(" ", key).strip())
    return _ARTICLE.sub("", _POSSESSIVE.sub("", key))


def _strip_ends(key: str) -> str:
    """Drop punctuation at the ends, but keep a bracket whose partner is inside: "mercury (planet)"."""
    while key:
        first, last = key[0], key[-1]
        if _PAIRS.get(first) == last and len(key) > 1:
            key = key[1:-1].strip()
        elif _droppable(last) and _CLOSERS.get(last, "\0") not in key:
            key = key[:-1].rstrip()
        elif _droppable(first) and _PAIRS.get(first, "\0") not in key:
            key = key[1:].lstrip()
        else:
            return key
    return key


def _droppable(character: str) -> bool:
    return unicodedata.category(character)[0] == "P" and character not in _MEANINGFUL
