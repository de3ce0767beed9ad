"""A row of a table or of a JSON file to a document.

Columns are known by their usual names (`TEXT`, `TITLE`, `DATE`, `ID`), in upper or lower case; all others are ignored.
A row whose text cannot be used is a `LostPart` with its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kg.documents.parts import LostPart, RawDocument
from kg.language.dates import normalise_date
from kg.language.text import normalise

TEXT = (
    *("text", "full_text", "body_text", "content", "contents", "body", "passage", "article", "document", "paragraph"),
    "abstract",
)
TITLE = ("title", "headline", "name", "heading", "subject")
DATE = ("date", "published", "publish_date", "published_at", "publication_date", "created", "created_at", "timestamp")
ID = ("id", "_id", "doc_id", "document_id", "docid", "uid", "key")
ROWS = "rows"
_MAX_DEPTH = 4
"""Maximum depth at which a text is looked for in a row."""
JSON_NAMES = {
    str: "a text",
    list: "a list",
    dict: "an object",
    bool: "true or false",
    int: "a number",
    float: "a number",
}


def row_document(row: Mapping[Any, Any], place: str, name: str) -> RawDocument | LostPart:
    """The document of one row.

    Args:
        row: Values by the name of their column.
        place: Where the row is, for messages: "Line 7".
        name: Name of the row if it has no id.
    """
    row = _innermost(row)
    text = text_of(row)
    if text is None:
        is_empty = any(column_name(name) in TEXT and value in (None, "") for name, value in row.items())
        return LostPart(f"{place} has an empty text." if is_empty else f"{place} has no text: {_what_came(row)}", ROWS)
    if not (text := normalise(text)).strip():
        return LostPart(f"{place} has an empty text.", ROWS)
    title, row_id = pick(row, TITLE), pick(row, ID)
    return RawDocument(
        text,
        " ".join(normalise(str(title)).split()) if isinstance(title, str | int | float) else "",
        normalise_date(pick(row, DATE)),
        normalise(str(row_id)).strip() if isinstance(row_id, str | int) and str(row_id).strip() else name,
        unit=ROWS,
    )


def text_of(row: Mapping[Any, Any]) -> str | None:
    """The text of a row, of the first column of `TEXT` that has one; None if there is none."""
    values = _by_name(row)
    return next((text for name in TEXT if (text := _as_text(values.get(name))) is not None), None)


def has_text(row: object) -> bool:
    """Whether a value is an object with a text, in it or in an object that it wraps."""
    return isinstance(row, dict) and text_of(_innermost(row)) is not None


def holds_text(value: object) -> bool:
    """Whether a value is an object with a text of its own, or a list with such objects."""
    values = value if isinstance(value, list) else [value]
    return any(isinstance(each, dict) and text_of(each) is not None for each in values)


def pick(row: Mapping[Any, Any], names: Iterable[str]) -> Any:
    """Value of the first of `names` that the row has a value for."""
    values = _by_name(row)
    return next((values[name] for name in names if name in values), None)


def column_name(name: object) -> str:
    """A column's name as it is compared."""
    return str(name).strip().strip("\ufeff\"'").strip().lower()


def _by_name(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Values that are not missing, by the name as it is compared; of equal names the first."""
    values: dict[str, Any] = {}
    for name, value in row.items():
        is_nan = isinstance(value, float) and value != value
        if value not in (None, "") and not is_nan:
            values.setdefault(column_name(name), value)
    return values


def _as_text(value: Any, depth: int = 0) -> str | None:
    """A text, or the paragraphs of a list, or the text of an object; None for anything else."""
    if isinstance(value, str) or depth > _MAX_DEPTH:
        return value if isinstance(value, str) else None
    if isinstance(value, list):
        texts = [text for part in value if (text := _as_text(part, depth + 1)) is not None]
        # A list of which a part is no text is no text: nothing of it may be lost without a word.
        return "\n\n".join(texts) if texts and len(texts) == len(value) else None
    if isinstance(value, dict):
        values = _by_name(value)
        return next((text for name in TEXT if (text := _as_text(values.get(name), depth + 1)) is not None), None)
    return None


def _innermost(row: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """The row, or the object in it that has the text, with the names of the row that it does not have itself.

    Databases export their own fields around the row's: {"_id": "7", "_source": {"text": "…"}}.
    """
    for _ in range(_MAX_DEPTH):
        direct = _by_name(row)
        if any(isinstance(direct.get(name), str | list) for name in TEXT):
            return row
        wrapped = [value for value in row.values() if holds_text(value)]
        if len(wrapped) != 1 or not isinstance(wrapped[0], dict):  # of several, none is the row's own
            return row
        inner = wrapped[0]
        own_names = {column_name(name) for name in inner}
        row = {**{name: value for name, value in row.items() if column_name(name) not in own_names}, **inner}
        row = {name: value for name, value in row.items() if value is not inner}
    return row


def _what_came(row: Mapping[Any, Any]) -> str:
    values = _by_name(row)
    for name in TEXT:
        if name in values:
            return f"{name!r} is {JSON_NAMES.get(type(values[name]), 'null')}, not a text."
    columns = ", ".join(repr(name) for name in row if name is not None) or "nothing"
    return f"expected one of {', '.join(TEXT)}, got {columns}."
