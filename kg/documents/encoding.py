"""Bytes of any usual encoding to text, with a word where the encoding is a guess. Binary data is refused.

    decoded = read_decoded(SourceFile(path, "minutes.txt"))
    yield from decoded.notices
    yield RawDocument(decoded.text)

In this order: the encoding that the user named; a byte order mark; UTF-16 and UTF-32 without one; the encodings that
switch by escapes; UTF-8 if all bytes are valid; the encoding that the file declares; the likeliest of the legacy
encodings (`kg.documents.legacy`). Only the last is a guess, and a guess is always told.
"""

from __future__ import annotations

import codecs
import io
import unicodedata
from dataclasses import dataclass
from typing import BinaryIO

from kg.documents.legacy import ENCODINGS, likely_pairs, rank_encodings, sample_lines
from kg.documents.mojibake import mojibake_share
from kg.documents.parts import Notice, SourceFile
from kg.documents.signature import is_text, wrong_content
from kg.language.text import normalise
from models.errors import InputError
from models.files.encodings import codec_named, find_codec

_BLOCK = 1 << 20
_SAMPLE, _HEAD = 1 << 16, 1 << 12
_MAX_CONTROLS, _FEW_CONTROLS = 0.02, 2
_DOUBT = 2
"""How much likelier than the declared encoding another has to be for a word about it."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
_CONTROL_BYTES = bytes(set(range(0x20)) - set(b"\t\n\v\f\r\x1b"))
# What pages declare, and the larger encoding that they use: the Encoding standard of the WHATWG, section 4.2.
_SUPERSETS = {
    **dict.fromkeys(("ascii", "iso8859-1"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk"), "gb18030"),
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
_ADVICE = "If letters are wrong, name the right encoding with --encoding, or save the file as UTF-8."


@dataclass(frozen=True, slots=True)
class DetectedEncoding:
    """The encoding of a file.

    Attributes:
        name: Name of a Python codec.
        guess: Whether nothing but the letters themselves speaks for it.
        notice: What to tell the user, or "".
        errors: What the codec does with bytes that do not fit: "replace" for a text with a few wrong bytes.
    """

    name: str
    guess: bool = False
    notice: str = ""
    errors: str = "strict"

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The notice, for a reader to yield."""
        return (Notice(self.notice),) if self.notice else ()


@dataclass(frozen=True, slots=True)
class DecodedText:
    """A text and how its bytes were read.

    Attributes:
        text: Normalised text.
        encoding: The encoding it was read in.
    """

    text: str
    encoding: DetectedEncoding

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What to tell the user, for a reader to yield."""
        return self.encoding.notices


def read_decoded(file: SourceFile, declared: str | None = None) -> DecodedText:
    """The text of a file; see `decode_bytes`."""
    return decode_bytes(file.path.read_bytes(), file, declared)


def decode_bytes(data: bytes, file: SourceFile, declared: str | None = None) -> DecodedText:
    """Bytes of any usual encoding to normalised text.

    Args:
        data: Complete content of a file, or of a part of one that holds several.
        file: Where the bytes are from; its `encoding` is used where it names one.
        declared: Encoding that the content declares.
    Raises:
        InputError: The bytes are not text, or do not fit the encoding that the user named.
    """
    encoding = find_encoding(io.BytesIO(data), file, declared)
    return DecodedText(normalise(data.decode(encoding.name, encoding.errors)), encoding)


def find_encoding(stream: BinaryIO, file: SourceFile, declared: str | None = None) -> DetectedEncoding:
    """Find the encoding of a stream, reading it block by block.

    Args:
        stream: Bytes that can be read again, from the beginning.
        file: Where the bytes are from; its `encoding` is used where it names one.
        declared: Encoding that the content declares.
    Returns:
        An encoding that all the bytes fit, or one with a few wrong bytes.
    Raises:
        InputError: The bytes are not text, or do not fit the encoding that the user named.
    """
    block = stream.read(_BLOCK)
    # The syntax of a PDF or an RTF document is ASCII for the most part, so that it would pass for text.
    if not is_text(block[:_HEAD]):
        raise InputError(wrong_content(file.name, "text", block[:_HEAD]))
    marked = next((encoding for mark, encoding in _BOMS if block.startswith(mark)), "")
    if file.encoding:
        return _named(stream, block, file, marked)
    wide = marked or _bare_wide(block[:_SAMPLE])
    if wide:
        return _checked(stream, wide, file.name)
    if escaped := _escaped(block[:_SAMPLE]):
        return _checked(stream, escaped, file.name)
    valid, foreign = _scan_utf8(stream, file.name)
    declared_codec = _declared_codec(declared)
    if valid:
        contradicted = foreign and declared_codec not in ("", "utf-8", *_WIDE)
        told = (
            f"{file.name} declares {declared}, but was read as UTF-8, which all its bytes fit." if contradicted else ""
        )
        return DetectedEncoding("utf-8", notice=told)
    return _legacy(stream, file.name, declared or "", declared_codec)


def _named(stream: BinaryIO, block: bytes, file: SourceFile, marked: str) -> DetectedEncoding:
    """The encoding that the user named, which a byte order mark alone overrules."""
    name = codec_named(file.encoding)
    told = ""
    if marked:
        family = marked.removesuffix("-sig")
        if not name.startswith(family):
            told = (
                f"{file.name} begins with the mark of {family.upper()}, and was read as that, not as {file.encoding}."
            )
        return DetectedEncoding(_checked(stream, marked, file.name).name, notice=told)
    if name not in _WIDE and not name.startswith(("iso2022", "hz")):
        _refuse_binary(block, file.name)
    misfit = _first_misfit(stream, name)
    if misfit is not None:
        stream.seek(misfit)
        raise InputError(
            f"{file.name} is not {file.encoding}: byte {misfit} (0x{stream.read(1).hex()}) does not fit. "
            "Name the right encoding with --encoding, or leave it out to have it detected."
        )
    if name not in ("utf-8", *_WIDE) and _scan_utf8(stream, file.name) == (True, True):
        told = f"{file.name} was read as {file.encoding}, as --encoding says, but all its bytes are valid UTF-8 too."
    return DetectedEncoding(name, notice=told)


def _checked(stream: BinaryIO, name: str, source: str) -> DetectedEncoding:
    misfit = _first_misfit(stream, name)
    if misfit is not None:
        raise InputError(f"{source} looks like {name}, but byte {misfit} is not. Save the file as UTF-8.")
    return DetectedEncoding(name)


def _first_misfit(stream: BinaryIO, encoding: str) -> int | None:
    """Position of the first byte that an encoding has no character for, from the beginning; None if all fit."""
    stream.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    fed = 0
    while True:
        block = stream.read(_BLOCK)
        fed += len(block)
        try:
            decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            return fed - len(error.object) + error.start  # `object` begins with bytes kept from the block before
        except UnicodeError:  # UTF-16 that does not begin with a mark
            return 0
        if not block:
            return None


def _scan_utf8(stream: BinaryIO, source: str) -> tuple[bool, bool]:
    """Whether all bytes are valid UTF-8, and whether some of them are not ASCII.

    Raises:
        InputError: The bytes are binary.
    """
    stream.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    foreign = False
    while block := stream.read(_BLOCK):
        _refuse_binary(block, source)
        foreign = foreign or not block.isascii()
        try:
            decoder.decode(block)
        except UnicodeDecodeError:
            return False, True
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False, True
    return True, foreign


def _bare_wide(sample: bytes) -> str:
    """The byte order of UTF-16 or UTF-32 without a mark, or ""."""
    pairs = len(sample) // 2
    if pairs < 2 or b"\0" not in sample:  # a space or line end has a zero byte, and no other encoding has one
        return ""
    even, odd = sample[0:-1:2].count(0) / pairs, sample[1::2].count(0) / pairs
    if odd > 0.3 and even < 0.02:
        return "utf-16-le"
    if even > 0.3 and odd < 0.02:
        return "utf-16-be"
    return next((encoding for encoding in _WIDE if encoding[-2:] in ("le", "be") and _is_text(sample, encoding)), "")


def _is_text(sample: bytes, encoding: str) -> bool:
    """Whether bytes are text of a wide encoding: only assigned characters, in places where they stand in words."""
    width = 4 if "32" in encoding else 2
    try:
        text = sample[: len(sample) // width * width].decode(encoding)
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 4:  # the sample may end within a pair of surrogates
            return False
        text = sample[: error.start].decode(encoding)
    swapped = sum(not ord(character) & 0xFF for character in text)  # U+2000 for a space, U+0A00 for a line end
    if width == 2 and sum(map(str.isascii, text)) <= swapped:
        return False
    wanted = (c in "\t\n\r" or unicodedata.category(c) not in ("Cc", "Cn", "Co", "Cs") for c in text)
    return all(wanted) and mojibake_share(text) < 0.1


def _escaped(sample: bytes) -> str:
    """The encoding that switches character sets by escapes, in seven bits; "" if there is no escape."""
    if not sample.isascii() or not (b"\x1b$" in sample or (b"~{" in sample and b"~}" in sample)):
        return ""
    import chardet

    name = chardet.detect(sample, compat_names=False)["encoding"] or ""
    return name if name in ("iso2022_jp_2", "iso2022_kr", "hz") else ""


def _refuse_binary(block: bytes, source: str) -> None:
    controls = len(block) - len(block.translate(None, _CONTROL_BYTES))
    if controls > max(_FEW_CONTROLS, _MAX_CONTROLS * len(block)):
        content = "only zeros" if not block.strip(b"\0") else f"{controls} control bytes among {len(block)}"
        raise InputError(f"{source} is binary, not text ({content}). Leave it out, or convert it to text.")


def _declared_codec(declared: str | None) -> str:
    name = find_codec(declared) if declared else ""
    return _SUPERSETS.get(name, name)


def _legacy(stream: BinaryIO, source: str, declared: str, declared_codec: str) -> DetectedEncoding:
    """The encoding of a stream that is not UTF-8: as declared, damaged UTF-8, or the likeliest."""
    sample = sample_lines(stream)
    contradiction = ""
    if declared_codec not in ("", "utf-8", *_WIDE):
        if _first_misfit(stream, declared_codec) is None:
            return DetectedEncoding(declared_codec, notice=_doubt(sample, source, declared, declared_codec))
        contradiction = f"{source} declares {declared}, which its bytes do not fit. "
    text = sample.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    letters = sum(not character.isascii() for character in text) - wrong
    if letters >= 3 * wrong:  # in any other encoding, hardly any pair of bytes is valid UTF-8 by chance
        position = _first_misfit(stream, "utf-8")
        told = f"{source} is UTF-8 with bytes that are not, the first of them byte {position}; each was read as U+FFFD."
        return DetectedEncoding("utf-8", notice=told, errors="replace")
    ranking = rank_encodings(sample)
    paired = likely_pairs(sample, ranking)
    if paired and (position := _first_misfit(stream, paired)) is not None:
        told = (
            f"{source} was read as {paired}, a guess, with U+FFFD for bytes that do not fit, from byte {position} on."
        )
        return DetectedEncoding(paired, True, f"{contradiction}{told} {_ADVICE}", errors="replace")
    ranking = [ranked for ranked in ranking if _first_misfit(stream, ranked.name) is None]
    if not ranking:
        raise InputError(f"{source} is in no encoding that GRAFT knows. Name it with --encoding, or save it as UTF-8.")
    best, *others = ranking
    near = [other.name for other in others if other.score > best.score / 2][:3]
    rest = f" (nearly as likely: {', '.join(near)})" if near else ""
    told = f"{source} was read as {best.name}, a guess{rest}."
    return DetectedEncoding(best.name, True, f"{contradiction}{told} {_ADVICE}")


def _doubt(sample: bytes, source: str, declared: str, codec: str) -> str:
    """What to tell of a declaration that all bytes fit, but that another encoding fits much better."""
    text = sample.decode(codec, "replace")
    ranking = rank_encodings(sample)
    scores = {ranked.text: ranked.score for ranked in ranking}
    if not ranking or (codec not in ENCODINGS and text not in scores):
        return ""
    if ranking[0].score < _DOUBT * scores.get(text, 0.0):
        return ""
    return f"{source} was read as {declared}, which it declares, but looks like {ranking[0].name}. {_ADVICE}"
