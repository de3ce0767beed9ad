"""Labelled pairs of records in ditto's text form: the gold of entity resolution.

A folder holds `train.txt`, `valid.txt` and `test.txt`; a line is two records and a label, parted by tabs:

    COL name VAL Salt Inn COL city VAL Torsby<tab>COL name VAL The Salt Inn COL city VAL torsby<tab>1

Columns are what the file says; nothing here or behind it knows any of their names.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path

from kg.language.text import normalise
from models.errors import InputError

SPLITS = ("train", "valid", "test")
_COLUMN = re.compile(r"(?:^|\s)COL (.*?) VAL(?:\s|$)")

Record = tuple[tuple[str, str], ...]
"""Columns and their values, in the order of the file."""


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Two records, and whether they are one thing."""

    left: Record
    right: Record
    is_match: bool


def read_folder(folder: Path) -> dict[str, list[LabelledPair]]:
    """The pairs of each split.

    Raises:
        InputError: A file is missing, empty, or not of this form; the message names the line.
    """
    return {split: _read(folder / f"{split}.txt") for split in SPLITS}


def read_record(text: str) -> Record:
    """Columns and values of one record.

    Example:
        >>> read_record("COL name VAL Salt Inn &amp; Bar COL phone VAL")
        (('name', 'Salt Inn & Bar'), ('phone', ''))
    """
    _, *parts = _COLUMN.split(text)
    return tuple(
        (name.strip(), " ".join(normalise(html.unescape(value)).split()))
        for name, value in zip(parts[::2], parts[1::2], strict=True)
    )


def _read(path: Path) -> list[LabelledPair]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"Expected labelled pairs in {path}, but it cannot be read ({error}): "
            "name a folder with train.txt, valid.txt and test.txt."
        ) from error
    pairs = [_pair(line, f"{path}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not pairs:
        raise InputError(f"Expected labelled pairs in {path}, but it holds none.")
    return pairs


def _pair(line: str, place: str) -> LabelledPair:
    parts = line.split("\t")
    records = [read_record(part) for part in parts[:2]]
    if len(parts) != 3 or parts[2].strip() not in ("0", "1") or not all(records):
        raise InputError(f"{place}: expected 'COL name VAL value …<tab>COL …<tab>0 or 1', got {line[:80]!r}.")
    return LabelledPair(records[0], records[1], parts[2].strip() == "1")
