"""The form of rows of `kg.schema` in SQL tables; no other file knows both.

A `RowTable` maps a kind to a table with a column for each field. Fields that people search by but that hold several
values (aliases, evidence, members) have a table of their own, a `ChildTable`, with one row for each value. What is only
ever read back with its row (the mentions and triples of an extraction, the findings of a report) is JSON. Running the
SQL is the store's work.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, is_dataclass
from functools import lru_cache
from typing import Any

from kg.schema import (
    Chunk,
    Community,
    Description,
    Document,
    Entity,
    Evidence,
    Extraction,
    Fact,
    Finding,
    Handle,
    Mention,
    Merge,
    Report,
    Row,
    Ruling,
    Triple,
)

Values = tuple[Any, ...]
_SQL_TYPES = {"int": "INTEGER", "float": "REAL"}


@dataclass(frozen=True, slots=True)
class JsonField:
    """A field kept as JSON text.

    Attributes:
        load: Turns the parsed JSON into the field's value again.
    """

    load: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class ChildTable:
    """A field of several values, kept in a table (owner, position, columns).

    Attributes:
        name: Name of the table.
        columns: Its columns with their SQL types, after owner and position.
        dump: Turns one value into a tuple of column values.
        load: Turns a tuple of column values into the value again.
        index: Columns to search by.
    """

    name: str
    columns: Mapping[str, str]
    dump: Callable[[Any], Values]
    load: Callable[[Values], Any]
    index: tuple[str, ...]

    @property
    def insert(self) -> str:
        """SQL that writes owner, position and what `dump` returns."""
        return _insert(self.name, ("owner_id", "position", *self.columns))


@dataclass(frozen=True, slots=True)
class RowTable:
    """A kind of rows and its table. Fields that are in neither mapping are plain text or number columns.

    Attributes:
        kind: The dataclass; its first field is `id`.
        name: Name of the table.
        json: Fields kept as JSON.
        children: Fields with a table of their own.
        index: Columns to search by.
        scalars: Fields that are columns of the table itself, `id` first.
    """

    kind: type[Any]
    name: str
    json: Mapping[str, JsonField]
    children: Mapping[str, ChildTable]
    index: tuple[str, ...] = ()
    scalars: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        scalars = tuple(part.name for part in fields(self.kind) if part.name not in self.children)
        object.__setattr__(self, "scalars", scalars)  # a frozen dataclass sets derived fields so

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names, in the order of `scalars`."""
        return tuple(_column(name) for name in self.scalars)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the table and of its child tables."""
        return (self.name, *(child.name for child in self.children.values()))

    @property
    def insert(self) -> str:
        """SQL that writes what `dump` returns."""
        return _insert(self.name, self.columns)

    def dump(self, row: Row) -> Values:
        """Turn a row into the values of `columns`."""
        return tuple(
            json.dumps(plain(getattr(row, name)), ensure_ascii=False) if name in self.json else getattr(row, name)
            for name in self.scalars
        )

    def load(self, values: Sequence[Any], children: Mapping[str, Values]) -> Row:
        """Turn the values of `columns`, and the values of every child field, into a row."""
        scalars = {
            name: self.json[name].load(json.loads(value)) if name in self.json else value
            for name, value in zip(self.scalars, values, strict=True)
        }
        row: Row = self.kind(**scalars, **children)
        return row

    def ddl(self) -> list[str]:
        """SQL statements that make the table, its children and their indexes."""
        types = {part.name: sql_type(part) for part in fields(self.kind)}
        columns = [f"{_column(name)} {types[name]} NOT NULL" for name in self.scalars[1:]]
        statements = [f"CREATE TABLE {self.name} (id TEXT PRIMARY KEY NOT NULL, {', '.join(columns)})"]
        statements += [f"CREATE INDEX {self.name}_{name} ON {self.name} ({name})" for name in self.index]
        for child in self.children.values():
            columns = [f"{name} {type_} NOT NULL" for name, type_ in child.columns.items()]
            statements.append(
                f"CREATE TABLE {child.name} (owner_id TEXT NOT NULL, position INTEGER NOT NULL, "
                f"{', '.join(columns)}, PRIMARY KEY (owner_id, position)) WITHOUT ROWID"
            )
            statements += [f"CREATE INDEX {child.name}_{name} ON {child.name} ({name})" for name in child.index]
        return statements


def sql_type(part: Field[Any]) -> str:
    """The type of a field's column."""
    return _SQL_TYPES.get(str(part.type), "TEXT")


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"


def _column(field: str) -> str:
    """Column of a field; "end" is a word of SQL."""
    return {"start": "start_char", "end": "end_char"}.get(field, field)


def plain(value: Any) -> Any:
    """Turn a row, or a part of one, into JSON values: mappings by field name, lists, text, numbers.

    Example:
        >>> plain(Evidence("c:1", 0, 4))
        {'chunk_id': 'c:1', 'start': 0, 'end': 4}
    """
    # `dataclasses.asdict` would do the same, but copies every text and takes several times as long.
    kind: Any = type(value)
    if kind in (str, int, float):
        return value
    if kind is tuple:
        return [plain(item) for item in value]
    return {name: plain(getattr(value, name)) for name in _names(kind)}


@lru_cache
def _names(kind: Any) -> tuple[str, ...]:
    if not is_dataclass(kind):
        raise TypeError(f"Expected text, a number, a tuple or a dataclass in a row, got {kind.__name__}.")
    return tuple(part.name for part in fields(kind))


def _evidence(name: str) -> ChildTable:
    return ChildTable(
        name,
        {"chunk_id": "TEXT", "start_char": "INTEGER", "end_char": "INTEGER"},
        lambda evidence: (evidence.chunk_id, evidence.start, evidence.end),
        lambda values: Evidence(*values),
        index=("chunk_id",),
    )


def _texts(name: str, column: str) -> ChildTable:
    return ChildTable(name, {column: "TEXT"}, lambda text: (text,), lambda values: values[0], index=(column,))


def _with_evidence(kind: type[Mention] | type[Triple]) -> JsonField:
    return JsonField(lambda items: tuple(kind(**{**item, "evidence": Evidence(**item["evidence"])}) for item in items))


_FINDINGS = JsonField(lambda items: tuple(Finding(item["text"], tuple(item["fact_ids"])) for item in items))

TABLES: dict[type[Any], RowTable] = {
    table.kind: table
    for table in (
        RowTable(Document, "documents", {}, {}, index=("source",)),
        RowTable(Chunk, "chunks", {}, {}, index=("document_id",)),
        RowTable(
            Extraction,
            "extractions",
            {"mentions": _with_evidence(Mention), "triples": _with_evidence(Triple)},
            {},
            index=("chunk_id",),
        ),
        RowTable(
            Entity,
            "entities",
            {},
            {"aliases": _texts("entity_aliases", "alias"), "evidence": _evidence("entity_evidence")},
            index=("name", "type"),
        ),
        RowTable(
            Fact,
            "facts",
            {},
            {"evidence": _evidence("fact_evidence"), "phrases": _texts("fact_phrases", "phrase")},
            index=("subject_id", "object_id", "predicate"),
        ),
        RowTable(
            Community, "communities", {}, {"entity_ids": _texts("community_members", "entity_id")}, index=("level",)
        ),
        RowTable(Handle, "handles", {}, {}, index=("community_id",)),
        RowTable(Merge, "merges", {}, {}, index=("entity_id",)),
        RowTable(Ruling, "rulings", {}, {}, index=("name", "other")),
        RowTable(Report, "reports", {"findings": _FINDINGS}, {}, index=("community_id",)),
        RowTable(Description, "descriptions", {}, {}, index=("entity_id",)),
    )
}
