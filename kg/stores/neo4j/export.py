"""A knowledge base as files for Neo4j: a Cypher script, or CSV for `neo4j-admin database import full`.

Either gives the database what `kg.stores.neo4j.store` would write: the nodes and relationships, the journal and the
workspace of that name. The script is run statement by statement on a running server (`cypher-shell -f FILE`) and may be
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
from kg.stores.neo4j.rows import FACT_ENDS, SHAPES, Shape
from kg.stores.neo4j.schema import STEPS, VERSION
from kg.stores.neo4j.write import Statement
from kg.stores.protocol import GraphStore, JournalEntry
from kg.stores.rows import sql_type
from models.errors import InputError
from models.runtime.batches import batches

NAME = "graft"
"""Of the workspace in the database, where none is named."""
_BATCH = 500
_BETWEEN = "\x1f"
"""Between the values of a list; no name holds this character."""
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
    text, parameters = statement
    values = {**parameters, "w": workspace}
    return re.sub(r"\$(\w+)", lambda match: _value(values[match[1]]), text)


def _value(value: Any) -> str:
    """A literal of Cypher: as JSON has it, but for the keys of maps.

    Example:
        >>> _value([{"id": 'a"b', "n": 1}, "$w"])
        '[{id: "a\\\\"b", n: 1}, "$w"]'
    """
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_value(each)}' for name, each in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)


def write_csv(store: GraphStore, folder: Path, workspace: str = NAME) -> None:
    """Write a folder of CSV files, one a label and one a type of relationship, and `import.txt`.

    Args:
        store: What to write.
        folder: New.
        workspace: Its name in the database.
    Raises:
        InputError: A value of a list is empty or holds the character that parts them, U+001F.
    """
    folder.mkdir()
    with ExitStack() as files:
        tables = _Tables(folder, files)
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


class _Tables:
    """CSV files that are opened when their first row comes; every value is quoted, since "" is not nothing."""

    def __init__(self, folder: Path, files: ExitStack) -> None:
        self._folder, self._files = folder, files
        self._open: dict[tuple[str, str, str], Any] = {}

    def write(self, what: str, name: str, header: list[str], row: list[Any], part: str = "") -> None:
        """Write a row of nodes with a label, or of relationships of a type."""
        writer = self._open.get((what, name, part))
        if writer is None:
            handle = (self._folder / _file(what, name, part)).open("w", encoding="utf-8", newline="")
            writer = csv.writer(self._files.enter_context(handle), quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(header)
            self._open[what, name, part] = writer
        writer.writerow(row)

    def command(self) -> str:
        """What imports the files, with the server stopped."""
        parts = [f"--{what}={name}={_file(what, name, part)}" for what, name, part in self._open]
        settings = ["--multiline-fields=true", "--array-delimiter=U+001F", "--overwrite-destination"]
        lines = ["neo4j-admin database import full neo4j", *settings, *parts]
        return " \\\n    ".join(lines) + "\n"


def _file(what: str, name: str, part: str) -> str:
    return f"{what}-{name}{'-' if part else ''}{part}.csv"


def _write_row(tables: _Tables, shape: Shape, row: Row, workspace: str) -> None:
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
    for link in shape.links:
        ends_ = (shape.label, link.label) if link.outward else (link.label, shape.label)
        heads = [f":START_ID({ends_[0]})", f":END_ID({ends_[1]})"]
        for other in link.ids(row):
            pair = [row.id, other] if link.outward else [other, row.id]
            tables.write("relationships", link.type, heads, pair, f"{ends_[0]}-{ends_[1]}")


def _write_next(tables: _Tables, store: GraphStore) -> None:
    places = sorted((row.document_id, row.position, row.id) for row in store.read(Chunk))
    for (one_document, _, one), (two_document, _, two) in pairwise(places):
        if one_document == two_document:
            tables.write("relationships", "NEXT", [":START_ID(Chunk)", ":END_ID(Chunk)"], [one, two])


def _typed(name: str, type_: str) -> str:
    """A column's name with its type as the import tool writes it.

    Example:
        >>> _typed("aliases", "TEXT[]"), _typed("rating", "REAL")
        ('aliases:string[]', 'rating:double')
    """
    kind = type_.removesuffix("[]")
    return f"{name}:{_TYPES[kind]}{type_[len(kind) :]}"


def _cell(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if "" in value or any(_BETWEEN in str(each) for each in value):
        raise InputError(
            "CSV for Neo4j can't hold a list with an empty text or the control character U+001F in it, such as "
            f"{str(value)[:80]!r}: export as cypher"
        )
    return _BETWEEN.join(map(str, value))
