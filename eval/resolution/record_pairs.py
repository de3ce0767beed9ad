"""Reads labelled pairs of records in ditto's text form: the gold of entity resolution.

A folder holds `train.txt`, `valid.txt` and `test.txt`; a line is two records and a label, separated by tabs:

    COL name VAL Salt Inn COL city VAL Torsby<tab>COL name VAL The Salt Inn COL city VAL torsby<tab>1

Columns are those of the file; no code knows any of their names. Source: Li et al., VLDB 2021 (ditto).
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
"""The columns of a record with their values, in the order of the file."""


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Two records, and whether they describe the same thing."""

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
            f"Expected labelled pairs in {path}, but it cannot be read ({error}). "
            "Name a folder with train.txt, valid.txt and test.txt."
        ) from error
    pairs = [_pair(line, f"{path}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not pairs:
        raise InputError(f"Expected labelled pairs in {path}, but it holds none.")
    return pairs


def _pair(line: str, position: str) -> LabelledPair:
    parts = line.split("\t")
    records = [read_record(part) for part in parts[:2]]
    if len(parts) != 3 or parts[2].strip() not in ("0", "1") or not all(records):
        raise InputError(f"{position}: expected 'COL name VAL value …<tab>COL …<tab>0 or 1', got {line[:80]!r}.")
    return LabelledPair(records[0], records[1], parts[2].strip() == "1")
