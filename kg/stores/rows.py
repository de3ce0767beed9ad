"""How rows of `kg.schema` lie in SQL tables: the one place that knows both.

A `Table` maps a kind to a table with a column for each field. Fields that people search by but that
hold several values (aliases, evidence, members) have a table of their own, a `Child`, with one row a
value; what is only ever read back whole (the mentions and triples of an extraction, the findings of
a report) is JSON. Reading and writing SQL is the store's work.
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
class Json:
    """A field kept as JSON text.

    Attributes:
        load: Turns the parsed JSON back into the field's value.
    """

    load: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Child:
    """A field of several values, kept in a table (owner, position, columns).

    Attributes:
        name: The table.
        columns: Its columns with their SQL types, after owner and position.
        dump: One value to a column tuple.
        load: A column tuple back to the value.
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
class Table:
    """A kind of rows and its table. Fields that are in neither mapping are plain text or integer columns.

    Attributes:
        kind: The dataclass; its first field is `id`.
        name: The table.
        json: Fields kept as JSON.
        children: Fields with a table of their own.
        index: Columns to search by.
        scalars: Fields that are columns of the table itself, `id` first.
    """

    kind: type[Any]
    name: str
    json: Mapping[str, Json]
    children: Mapping[str, Child]
    index: tuple[str, ...] = ()
    scalars: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        own = tuple(part.name for part in fields(self.kind) if part.name not in self.children)
        object.__setattr__(self, "scalars", own)

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names, in the order of `scalars`."""
        return tuple(_column(name) for name in self.scalars)

    @property
    def names(self) -> tuple[str, ...]:
        """The table and its children."""
        return (self.name, *(child.name for child in self.children.values()))

    @property
    def insert(self) -> str:
        """SQL that writes what `dump` returns."""
        return _insert(self.name, self.columns)

    def dump(self, row: Row) -> Values:
        """A row to the values of `columns`."""
        return tuple(
            json.dumps(plain(getattr(row, name)), ensure_ascii=False) if name in self.json else getattr(row, name)
            for name in self.scalars
        )

    def load(self, values: Sequence[Any], children: Mapping[str, Values]) -> Row:
        """Values of `columns`, and the values of every child field, to a row."""
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
    """A row or a part of one as JSON values: mappings by field name, lists, text, numbers.

    Example:
        >>> plain(Evidence("c:1", 0, 4))
        {'chunk_id': 'c:1', 'start': 0, 'end': 4}
    """
    kind: Any = type(value)
    if kind in (str, int, float):
        return value
    if kind is tuple:
        return [plain(item) for item in value]
    return {name: plain(getattr(value, name)) for name in _names(kind)}


@lru_cache
def _names(kind: Any) -> tuple[str, ...]:
    if not is_dataclass(kind):
        raise TypeError(f"a row holds text, numbers, tuples and dataclasses, not {kind.__name__}")
    return tuple(part.name for part in fields(kind))


def _evidence(name: str) -> Child:
    return Child(
        name,
        {"chunk_id": "TEXT", "start_char": "INTEGER", "end_char": "INTEGER"},
        lambda evidence: (evidence.chunk_id, evidence.start, evidence.end),
        lambda values: Evidence(*values),
        index=("chunk_id",),
    )


def _texts(name: str, column: str) -> Child:
    return Child(name, {column: "TEXT"}, lambda text: (text,), lambda values: values[0], index=(column,))


def _with_evidence(kind: type[Mention] | type[Triple]) -> Json:
    return Json(lambda items: tuple(kind(**{**item, "evidence": Evidence(**item["evidence"])}) for item in items))


_FINDINGS = Json(lambda items: tuple(Finding(item["text"], tuple(item["fact_ids"])) for item in items))

TABLES: dict[type[Any], Table] = {
    table.kind: table
    for table in (
        Table(Document, "documents", {}, {}, index=("source",)),
        Table(Chunk, "chunks", {}, {}, index=("document_id",)),
        Table(
            Extraction,
            "extractions",
            {"mentions": _with_evidence(Mention), "triples": _with_evidence(Triple)},
            {},
            index=("chunk_id",),
        ),
        Table(
            Entity,
            "entities",
            {},
            {"aliases": _texts("entity_aliases", "alias"), "evidence": _evidence("entity_evidence")},
            index=("name", "type"),
        ),
        Table(
            Fact,
            "facts",
            {},
            {"evidence": _evidence("fact_evidence"), "phrases": _texts("fact_phrases", "phrase")},
            index=("subject_id", "object_id", "predicate"),
        ),
        Table(Community, "communities", {}, {"entity_ids": _texts("community_members", "entity_id")}, index=("level",)),
        Table(Handle, "handles", {}, {}, index=("community_id",)),
        Table(Merge, "merges", {}, {}, index=("entity_id",)),
        Table(Ruling, "rulings", {}, {}, index=("name", "other")),
        Table(Report, "reports", {"findings": _FINDINGS}, {}, index=("community_id",)),
        Table(Description, "descriptions", {}, {}, index=("entity_id",)),
    )
}
