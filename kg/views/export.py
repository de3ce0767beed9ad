"""A knowledge base for other programs: GraphML for graph tools, Cypher and CSV for Neo4j, JSON Lines for the rest.

`EXPORTS` names the formats. A file, or a folder of CSV files, appears under its name only when it is complete.

    export(store, Path("graph.graphml"), "graphml")
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kg.schema import KINDS, Community, Description, Entity, Fact, Row
from kg.stores.neo4j.export import write_csv, write_cypher
from kg.stores.protocol import GraphStore
from kg.stores.rows import plain
from kg.views.evidence import EvidenceLocator
from models.errors import DISK_FULL, MAKE_ROOM, ConfigError, InputError, StoreError, unknown_name
from models.files.atomic import replacing

if TYPE_CHECKING:
    import networkx as nx

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def export(store: GraphStore, path: Path, format: str) -> None:  # noqa: A002
    """Write all rows of a store to a file, or to a folder of files.

    Args:
        store: The store.
        path: The file, replaced if it exists, or a new folder for CSV; its parent folders are made if need be.
        format: Name of a format (see `EXPORTS`).
    Raises:
        ConfigError: Unknown format.
        InputError: The file cannot be written, or the folder exists already.
        StoreError: The disk is full.
    """
    if format not in EXPORTS:
        raise ConfigError(unknown_name("export format", format, EXPORTS))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if format in _FOLDERS:
            _export_folder(store, path, format)
            return
        with replacing(path) as part:
            EXPORTS[format](store, part)
    except OSError as error:
        if error.errno in DISK_FULL:
            raise StoreError(f"Cannot write {path}: {error.strerror}; {MAKE_ROOM}.") from error
        raise InputError(f"Cannot write {path}: {error.strerror or error}. Choose another path.") from error


def _export_folder(store: GraphStore, path: Path, format: str) -> None:  # noqa: A002
    if path.exists():
        raise InputError(f"Expected a new folder for {format}, but {path} exists. Choose another path.")
    # Written under another name in the same folder, since only a rename within a file system is atomic.
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        EXPORTS[format](store, part)
        part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_jsonl(store: GraphStore, path: Path) -> None:
    """Write one JSON object for each row, its class first as "row", then its fields; kind by kind, sorted by id."""
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        for kind in KINDS:
            rows: Iterable[Row] = store.read(kind)
            for row in rows:
                lines.write(json.dumps({"row": kind.__name__, **plain(row)}, ensure_ascii=False) + "\n")


def write_graphml(store: GraphStore, path: Path) -> None:
    """Write entities as nodes and facts as directed edges, readable by networkx, Gephi, Cytoscape and yEd."""
    import networkx as nx

    nx.write_graphml(graph(store), path, encoding="utf-8", prettyprint=True)


def graph(store: GraphStore) -> nx.MultiDiGraph:
    """The store as a networkx graph.

    Returns:
        Nodes by entity id with `name`, `type`, `aliases` (separated by " | "), `description`, `mentions` and
        `community_0`, `community_1`, … by level; edges by fact id with `predicate`, `kind`, `status`, `valid_from`,
        `valid_to`, `sentence` and `source`, the last two with one line for each sentence that states the fact.
    """
    import networkx as nx

    nodes_and_edges = nx.MultiDiGraph()
    descriptions = {description.entity_id: description.text for description in store.read(Description)}
    for entity in store.read(Entity):
        nodes_and_edges.add_node(
            entity.id,
            name=_xml(entity.name),
            type=_xml(entity.type),
            aliases=_xml(" | ".join(entity.aliases)),
            description=_xml(descriptions.get(entity.id, "")),
            mentions=len(entity.evidence),
        )
    for community in store.read(Community):
        for entity_id in community.entity_ids:
            if entity_id in nodes_and_edges:
                nodes_and_edges.nodes[entity_id][f"community_{community.level}"] = community.id
    locator = EvidenceLocator(store)
    for fact in store.read(Fact):
        nodes_and_edges.add_edge(
            fact.subject_id,
            fact.object_id,
            key=fact.id,
            predicate=_xml(fact.predicate),
            kind=fact.kind,
            status=fact.status,
            valid_from=_xml(fact.valid_from),
            valid_to=_xml(fact.valid_to),
            sentence=_xml("\n".join(locator.sentence(evidence) for evidence in fact.evidence)),
            source=_xml("\n".join(locator.source(evidence) for evidence in fact.evidence)),
        )
    return nodes_and_edges


def _xml(text: str) -> str:
    """Replace the characters that XML 1.0 forbids even in escaped form.

    Source: Extensible Markup Language 1.0, fifth edition, production 2 (Char).
    """
    return _NOT_XML.sub("\ufffd", text)


EXPORTS: dict[str, Callable[[GraphStore, Path], None]] = {
    "graphml": write_graphml,
    "jsonl": write_jsonl,
    "cypher": write_cypher,
    "csv": write_csv,
}
"""Name of a format to the function that writes it."""
_FOLDERS = {"csv"}
"""Formats that are a folder of files."""
