"""A knowledge base as files for Neo4j: a Cypher script, or CSV for `neo4j-admin database import full`.

Either gives the database what `kg.stores.neo4j.store` would write: the nodes and relationships, the journal and the
workspace of that name. The script runs statement by statement on a running server (`cypher-shell -f FILE`) and may be
run twice. The CSV files make a new database at the speed of a disk; `import.txt` in their folder has the command.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from kg.schema import KINDS, Chunk, Document, Fact, Row
from kg.stores.neo4j import write as cypher
from kg.stores.neo4j.rows import FACT_ENDS, SHAPES, RowShape
from kg.stores.neo4j.schema import STEPS, VERSION
from kg.stores.neo4j.write import Statement
from kg.stores.protocol import GraphStore, JournalEntry
from kg.stores.rows import sql_type
from models.errors import InputError
from models.runtime.batches import batches

NAME = "graft"
"""Name of the workspace in the database, where none is given."""
_BATCH = 500
_SEPARATOR = "\x1f"
"""Separates the values of a list; no name holds this control character."""
_TYPES = {"TEXT": "string", "INTEGER": "long", "REAL": "double"}


def write_cypher(store: GraphStore, path: Path, workspace: str = NAME) -> None:
    """Write a script of Cypher statements, each ended by a semicolon, for a workspace of that name."""
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        for statement in _statements(store):
            lines.write(_literal(statement, workspace) + ";\n")


def _statements(store: GraphStore) -> Iterator[Statement]:
    for step in STEPS:
        yield from ((line, {}) for line in step)
    yield f"MERGE (s:GraftSchema) SET s.version = {VERSION}", {}
    yield "MERGE (v:Workspace {id: $w}) REMOVE v.digest", {}
    for kind in KINDS:
        rows: Iterable[Row] = store.read(kind)
        for batch in batches(rows, _BATCH):
            yield from cypher.put(kind, batch)
    for documents in batches((row.id for row in store.read(Document)), _BATCH):
        yield from cypher.chain(documents)
    yield from (cypher.mark(batch) for batch in batches(store.journal(), _BATCH))


def _literal(statement: Statement, workspace: str) -> str:
    """A statement with its parameters written into it."""
    # One pass over the text: a "$w" within a value is never replaced itself.
    text, parameters = statement
    values = {**parameters, "w": workspace}
    return re.sub(r"\$(\w+)", lambda match: _value(values[match[1]]), text)


def _value(value: Any) -> str:
    """A literal of Cypher: the same as in JSON, except that keys of maps are not quoted.

    Example:
        >>> _value([{"id": 'a"b', "n": 1}, "$w"])
        '[{id: "a\\\\"b", n: 1}, "$w"]'
    """
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_value(item)}' for name, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)


def write_csv(store: GraphStore, folder: Path, workspace: str = NAME) -> None:
    """Write a folder of CSV files, one for each label and each type of relationship, and `import.txt`.

    Args:
        store: Store to write.
        folder: Folder that does not exist yet.
        workspace: Name of the workspace in the database.
    Raises:
        InputError: A value of a list is empty or holds the character that separates them, U+001F.
    """
    folder.mkdir()
    with ExitStack() as files:
        tables = _CsvTables(folder, files)
        tables.write("nodes", "Workspace", ["id:ID(Workspace)"], [workspace])
        tables.write("nodes", "GraftSchema", ["version:long"], [VERSION])
        for kind in KINDS:
            for row in store.read(kind):
                _write_row(tables, SHAPES[kind], row, workspace)
        _write_next(tables, store)
        names = [part.name for part in fields(JournalEntry)]
        header = [_typed(part.name, sql_type(part)) for part in fields(JournalEntry)]
        for entry in store.journal():
            tables.write("nodes", "JournalEntry", ["workspace", *header], [workspace, *map(asdict(entry).get, names)])
        command = tables.command()
    (folder / "import.txt").write_text(command, encoding="utf-8")


class _CsvTables:
    """CSV files, each opened when its first row comes; all values are quoted, so that "" is not read as missing."""

    def __init__(self, folder: Path, files: ExitStack) -> None:
        self._folder, self._files = folder, files
        self._open: dict[tuple[str, str, str], Any] = {}

    def write(self, group: str, name: str, header: list[str], row: list[Any], part: str = "") -> None:
        """Write a row of nodes with a label, or of relationships of a type."""
        writer = self._open.get((group, name, part))
        if writer is None:
            handle = (self._folder / _file(group, name, part)).open("w", encoding="utf-8", newline="")
            writer = csv.writer(self._files.enter_context(handle), quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(header)
            self._open[group, name, part] = writer
        writer.writerow(row)

    def command(self) -> str:
        """The command that imports the files while the server is stopped."""
        parts = [f"--{group}={name}={_file(group, name, part)}" for group, name, part in self._open]
        settings = ["--multiline-fields=true", "--array-delimiter=U+001F", "--overwrite-destination"]
        lines = ["neo4j-admin database import full neo4j", *settings, *parts]
        return " \\\n    ".join(lines) + "\n"


def _file(group: str, name: str, part: str) -> str:
    return f"{group}-{name}{'-' if part else ''}{part}.csv"


def _write_row(tables: _CsvTables, shape: RowShape, row: Row, workspace: str) -> None:
    plain = [_cell(value) for value in shape.dump(row)[1:]]
    header = [_typed(name, type_) for name, type_ in zip(shape.properties[1:], shape.types[1:], strict=True)]
    if shape.kind is Fact:
        ends = [getattr(row, end) for end in FACT_ENDS]
        tables.write(
            "relationships",
            "FACT",
            [":START_ID(Entity)", ":END_ID(Entity)", "workspace", "id", *header],
            [*ends, workspace, row.id, *plain],
        )
        return
    tables.write("nodes", shape.label, [f"id:ID({shape.label})", "workspace", *header], [row.id, workspace, *plain])
    for relationship in shape.relationships:
        labels = (shape.label, relationship.label) if relationship.outward else (relationship.label, shape.label)
        columns = [f":START_ID({labels[0]})", f":END_ID({labels[1]})"]
        for other in relationship.ids(row):
            pair = [row.id, other] if relationship.outward else [other, row.id]
            tables.write("relationships", relationship.type, columns, pair, f"{labels[0]}-{labels[1]}")


def _write_next(tables: _CsvTables, store: GraphStore) -> None:
    """Write `NEXT` from each chunk to the one behind it in its document."""
    in_order = sorted((chunk.document_id, chunk.position, chunk.id) for chunk in store.read(Chunk))
    for (document_id, _, one), (next_document_id, _, other) in pairwise(in_order):
        if document_id == next_document_id:
            tables.write("relationships", "NEXT", [":START_ID(Chunk)", ":END_ID(Chunk)"], [one, other])


def _typed(name: str, type_: str) -> str:
    """The name of a column with its type, in the notation of the import tool.

    Example:
        >>> _typed("aliases", "TEXT[]"), _typed("rating", "REAL")
        ('aliases:string[]', 'rating:double')
    """
    kind = type_.removesuffix("[]")
    return f"{name}:{_TYPES[kind]}{type_[len(kind) :]}"


def _cell(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if "" in value or any(_SEPARATOR in str(item) for item in value):
        raise InputError(
            "CSV for Neo4j cannot hold a list with an empty text or the control character U+001F, such as "
            f"{str(value)[:80]!r}. Export as cypher instead."
        )
    return _SEPARATOR.join(map(str, value))
