"""Reads MMLU as its authors publish it: CSV without a header, `question,A,B,C,D,letter` a row.

The kind of an item is the subject: the file's name without its split ("anatomy_test.csv" is "anatomy"). Ids are the
file's stem and the row's number from 0: `anatomy_test-0` is the first question of the test split.

A few published rows have the right option twice. Both count as right, since no answer could be told from the other;
harnesses count the letter alone, and their figures can be lower by the share of such rows, which is logged.

Source: Hendrycks et al., "Measuring massive multitask language understanding", ICLR 2021.
"""

from __future__ import annotations

import csv
import io
import logging
from pathlib import Path

from eval.tasks.files import read_published
from eval.types import LETTERS, Item
from models.errors import InputError

_LETTERS = LETTERS[:4]
_SPLITS = ("_test", "_val", "_dev", "_train")
_LOGGER = logging.getLogger("graft")


def subject_of(path: Path) -> str:
    """Subject named by a file.

    Example:
        >>> subject_of(Path("college_biology_val.csv"))
        'college_biology'
    """
    for split in _SPLITS:
        if path.stem.endswith(split):
            return path.stem.removesuffix(split)
    return path.stem


def load_mmlu(path: Path) -> tuple[Item, ...]:
    """Read one subject's file; blank lines are skipped.

    Raises:
        InputError: The file cannot be read, or a row has not six cells with a letter A to D at the end.
    """
    rows = csv.reader(io.StringIO(read_published(path, "a CSV of MMLU"), newline=""), strict=True)
    items: list[Item] = []
    twice: list[int] = []
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            items.append(_item(path, len(items), rows.line_num, row))
            if len(items[-1].right_options) > 1:
                twice.append(rows.line_num)
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num}: expected CSV of MMLU ({error}). Correct the row.") from error
    if twice:
        _LOGGER.warning(
            "%s has the right option twice in %d of %d questions (line %s); either counts as right.",
            path, len(twice), len(items), ", ".join(map(str, twice[:5])) + (", …" if len(twice) > 5 else ""),
        )  # fmt: skip
    return tuple(items)


def _item(path: Path, number: int, line: int, row: list[str]) -> Item:
    # A header row has a word where a letter is expected, and is refused rather than skipped: files have none.
    if len(row) != 6 or row[5].strip() not in set(_LETTERS) or not row[0].strip():
        raise InputError(
            f"{path}, line {line}: expected question,A,B,C,D and the right letter (six cells, no header), "
            f"found {len(row)} cells{f' ending in {row[-1]!r}' if row else ''}. Correct the row."
        )
    answer = _LETTERS.index(row[5].strip())
    choices = tuple(cell.strip() for cell in row[1:5])
    item_id = f"{'_'.join(path.stem.split())}-{number}"
    return Item(item_id, row[0].strip(), choices, answer, (choices[answer],), subject_of(path))
