"""Searches by Neo4j's own indexes: vectors of passages and entities, and the words of texts and names.

A vector index spans all nodes that have its property. Its property is therefore the workspace's and encoder's own
(`vector_` and a digest of both): vectors of another encoder have other dimensions, and the nearest nodes of another
workspace would push out one's own. The full-text indexes are common to all workspaces and hold their names as a field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kg.schema import Chunk, Entity
from kg.stores.neo4j.rows import SHAPES
from kg.stores.neo4j.server import Server
from kg.stores.neo4j.write import Statement
from models.files.digest import digest
from models.protocols import Vectors
from models.runtime.batches import batches

_BATCH = 1_000
_PAGE = 10_000
_WORDS = 256
"""Most words of a question that are looked for: the index takes about a thousand conditions."""
_TEXTS: dict[type[Any], tuple[str, tuple[str, ...]]] = {
    Chunk: ("graft_texts", ("text",)),
    Entity: ("graft_names", ("name", "aliases")),
}
"""Full-text index of each kind, and its fields."""


def keep_vectors(
    server: Server,
    workspace: str,
    kind: type[Any],
    encoder: str,
    content: str,
    ids: Sequence[str],
    keys: Sequence[str],
    vectors: Vectors,
) -> None:
    """Write the vectors that are missing or of another text, and wait until they are found; see `SearchingStore`."""
    name, label = _property(workspace, encoder), SHAPES[kind].label
    mark = f"{name}_{label.lower()}"
    kept = server.read(f"MATCH (v:Workspace {{id: $w}}) RETURN v.{mark}, v.commit", w=workspace)
    commit = kept[0][1] if kept else ""
    state = f"{content} {commit}"  # a row that went and came back has no vector, though the content is the same
    if kept and kept[0][0] == state:
        return
    unmark: Statement = f"MATCH (v:Workspace {{id: $w}}) SET v.{mark} = ''", {}
    server.write([unmark], workspace)  # so that `drop` knows of the index
    if len(ids):
        _make_index(server, _index(name, label), label, name, vectors.shape[1])
    there = _kept(server, workspace, label, name)
    rows = [row for row, (row_id, key) in enumerate(zip(ids, keys, strict=True)) if there.get(row_id) != key]
    for batch in batches(rows, _BATCH):
        values = [[ids[row], vectors[row].tolist(), keys[row]] for row in batch]
        write = (
            f"UNWIND $rows AS r MATCH (n:{label} {{workspace: $w, id: r[0]}}) "
            f"CALL db.create.setNodeVectorProperty(n, '{name}', r[1]) SET n.{name}_of = r[2]"
        )
        server.write([unmark, (write, {"rows": values})], workspace)  # another process may have marked what it wrote
    marked = f"MATCH (v:Workspace {{id: $w, commit: $commit}}) SET v.{mark} = $state"
    server.write([(marked, {"commit": commit, "state": state})], workspace)


def _make_index(server: Server, index: str, label: str, name: str, dimension: int) -> None:
    options = f"{{indexConfig: {{`vector.dimensions`: {dimension}, `vector.similarity_function`: 'cosine'}}}}"
    server.change(
        f"CREATE VECTOR INDEX {index} IF NOT EXISTS FOR (n:{label}) ON n.{name} OPTIONS {options}",
        f"CALL db.awaitIndex('{index}', 300)",
    )


def _kept(server: Server, workspace: str, label: str, name: str) -> dict[str, str]:
    """The key of each row that has a vector, by id."""
    found: dict[str, str] = {}
    last, more = "", True
    while more:
        page = server.read(
            f"MATCH (n:{label} {{workspace: $w}}) WHERE n.id > $last "
            f"RETURN n.id, n.{name}_of ORDER BY n.id LIMIT $limit",
            w=workspace,
            last=last,
            limit=_PAGE,
        )
        found |= {row_id: key for row_id, key in page if key is not None}
        more, last = len(page) == _PAGE, page[-1][0] if page else ""
    return found


def nearest(
    server: Server, workspace: str, kind: type[Any], encoder: str, vector: Vectors, limit: int
) -> list[tuple[str, float]]:
    """Ids and cosines of the rows nearest to a vector; see `SearchingStore`."""
    if limit < 1:
        return []
    found = server.read(
        "CALL db.index.vector.queryNodes($index, $limit, $vector) YIELD node, score RETURN node.id, score",
        index=_index(_property(workspace, encoder), SHAPES[kind].label),
        limit=limit,
        vector=vector.tolist(),
    )
    return [(row_id, 2 * score - 1) for row_id, score in found]  # the index says (1 + cosine) / 2


def matching(
    server: Server, workspace: str, kind: type[Any], words: Sequence[str], limit: int
) -> list[tuple[str, float]]:
    """Ids and scores of the rows that hold most of some words; see `SearchingStore`."""
    index, fields = _TEXTS[kind]
    if not words or limit < 1:
        return []
    wanted = " ".join(map(_quoted, words[:_WORDS]))
    query = f"+workspace:{_quoted(workspace)}^0 +({' '.join(f'{field}:({wanted})' for field in fields)})"
    asked = limit
    while True:  # a name of a workspace that begins like this one's is told apart only here
        found = server.read(
            "CALL db.index.fulltext.queryNodes($index, $query, {limit: $asked}) YIELD node, score "
            "RETURN node.id, score, node.workspace",
            index=index,
            query=query,
            asked=asked,
        )
        telling = [row for row in found if row[1] > 0]  # words that the index drops leave all nodes, with nothing
        own = [(row_id, score) for row_id, score, of in telling if of == workspace]
        if len(own) >= limit or len(telling) < asked:
            return own[:limit]
        asked *= 4


def drop(server: Server, workspace: str) -> None:
    """Remove the vector indexes of a workspace."""
    found = server.read("MATCH (v:Workspace {id: $w}) UNWIND keys(v) AS name RETURN name", w=workspace)
    for mark in (str(name) for (name,) in found if str(name).startswith("vector_")):
        server.change(f"DROP INDEX graft_{mark} IF EXISTS")


def _property(workspace: str, encoder: str) -> str:
    return f"vector_{digest(workspace, encoder)[:16]}"


def _index(name: str, label: str) -> str:
    return f"graft_{name}_{label.lower()}"


def _quoted(words: str) -> str:
    """Words as one phrase of a full-text query."""
    escaped = words.encode("utf-8", "ignore").decode("utf-8").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
