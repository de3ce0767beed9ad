"""Which legacy encoding a text without a declaration is in: a detector's ranking, less the readings that no word bears.

chardet ranks encodings by how often pairs of bytes occur in texts of each language. `kg.documents.mojibake` takes off
the readings with letters where no language has them. Encodings that read all bytes as the same letters are one reading.
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from typing import BinaryIO

from kg.documents.mojibake import mojibake_share

_PAIRED = ("gb18030", "cp932", "cp949", "euc_jis_2004", "big5hkscs")
"""Encodings with characters of several bytes."""
# Encodings in which files are still found, the commonest first; a longer list only adds ways to be wrong about a line.
ENCODINGS = (
    *("cp1252", "cp1251", "cp1250", "cp1254", "cp1253", "cp1255", "cp1256", "cp1257", "cp1258", "cp874"),
    *_PAIRED,
    *("iso8859-2", "iso8859-15", "iso8859-5", "iso8859-6", "iso8859-7", "iso8859-8", "iso8859-9", "iso8859-13"),
    *("koi8-r", "koi8-u", "cp850", "cp437", "cp852", "cp866", "cp855", "cp857", "cp858", "cp737", "cp775", "cp860"),
    *("cp861", "cp862", "cp863", "cp865", "cp869", "cp1125"),
    *("mac-roman", "mac-cyrillic", "mac-greek", "mac-iceland", "mac-latin2", "mac-turkish"),
)
_SAMPLE = 1 << 13
_LINE = 1 << 11
_LINES_A_BYTE = 3
_MAX_DAMAGED = 0.05
_ASCII = bytes(range(0x80))


@dataclass(frozen=True, slots=True)
class RankedEncoding:
    """A reading of a sample.

    Attributes:
        name: Name of a Python codec.
        score: How likely it is, in [0, 1]; comparable within one ranking only.
        text: The sample in this encoding.
    """

    name: str
    score: float
    text: str


def rank_encodings(sample: bytes) -> list[RankedEncoding]:
    """Readings of a sample, the likeliest first; of encodings that read it alike, only the commonest.

    Args:
        sample: Complete lines.
    """
    confidences = _confidences(sample)
    readings: dict[str, tuple[float, str]] = {}
    for name, confidence in confidences.items():
        text = sample.decode(name, "replace")
        if _is_in_capitals(text):
            confidence = _confidences(text.lower().encode(name, "ignore")).get(name, 0.0)
        # Rounded, so that the commonest is taken of those that differ in letters that the detector cannot weigh.
        score = round(confidence * (1 - mojibake_share(text)) ** 3, 4)
        best, commonest = readings.get(text, (score, name))
        readings[text] = max(score, best), min(name, commonest, key=ENCODINGS.index)
    ranking = [RankedEncoding(name, score, text) for text, (score, name) in readings.items()]
    return sorted(ranking, key=lambda ranked: (-ranked.score, ENCODINGS.index(ranked.name)))


def likely_pairs(sample: bytes, ranking: list[RankedEncoding]) -> str:
    """The encoding of several bytes a character in which a sample is, but for a few lines perhaps; "" if there is none.

    One wrong byte rules such an encoding out, and leaves those of one byte a character, which fit whatever comes.

    Args:
        sample: Complete lines.
        ranking: The readings of the whole sample.
    """
    if ranking and ranking[0].name in _PAIRED:
        return ranking[0].name
    lines = sample.splitlines(keepends=True)
    for name in _PAIRED:
        whole = [line for line in lines if _decodes(line, name)]
        if not (1 - _MAX_DAMAGED) * len(lines) <= len(whole) < len(lines):
            continue
        best = next(iter(rank_encodings(b"".join(whole))), None)
        if best is not None and best.name == name and (not ranking or best.score > ranking[0].score):
            return name
    return ""


def _decodes(line: bytes, name: str) -> bool:
    try:
        line.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def _confidences(sample: bytes) -> dict[str, float]:
    """The detector's confidence in each encoding that the sample fits."""
    import chardet

    found = chardet.detect_all(sample, ignore_threshold=True, compat_names=False, include_encodings=ENCODINGS)
    confidences: dict[str, float] = {}
    for detection in found:
        if (name := detection["encoding"]) in ENCODINGS:  # there are names for what is no text as well
            confidences[name] = detection["confidence"]
    return confidences


def _is_in_capitals(text: str) -> bool:
    """Whether nearly all letters are capitals, of whose pairs the detector knows little."""
    letters = [character for character in text if character.isupper() or character.islower()]
    return bool(letters) and sum(letter.isupper() for letter in letters) > 0.9 * len(letters)


def sample_lines(stream: BinaryIO) -> bytes:
    """Lines that tell encodings apart: those with bytes outside ASCII, some for every byte that occurs.

    Args:
        stream: Bytes that can be read again, from the beginning.
    """
    stream.seek(0)
    lines: list[bytes] = []
    seen: Counter[int] = Counter()
    size = 0
    unbroken = b""
    within = False  # whether the piece begins within a character, perhaps
    while piece := stream.readline(_LINE):
        is_long = len(piece) == _LINE and not piece.endswith(b"\n")
        if is_long and (cut := piece.rfind(b" ") + 1):  # a space is no part of any other character
            stream.seek(cut - len(piece), io.SEEK_CUR)
            piece, is_long = piece[:cut], False
        foreign = piece.translate(None, _ASCII)
        begins_within, within = within, is_long and (within or bool(foreign))
        if begins_within or not foreign:
            continue
        if is_long:
            unbroken = unbroken or piece
            continue
        telling = [byte for byte in set(foreign) if seen[byte] < _LINES_A_BYTE]
        if size < _SAMPLE or telling:
            seen.update(telling)
            lines.append(piece)
            size += len(piece)
    return b"".join(lines) + unbroken  # last, since it may end within a character
