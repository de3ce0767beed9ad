"""Searches by Neo4j's own indexes: vectors of chunks and entities, and the words of texts and names.

A vector index spans all nodes that have its property. So each workspace and encoder has a property of its own
(`vector_` and a digest of both): vectors of another encoder have other dimensions, and the nearest nodes of another
workspace would displace those of this one. The full-text indexes are common to all workspaces, with the workspace's
name as a field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kg.schema import Chunk, Entity
from kg.stores.neo4j.rows import SHAPES
from kg.stores.neo4j.server import Neo4jServer
from kg.stores.neo4j.write import Statement
from models.files.digest import digest
from models.protocols import Vectors
from models.runtime.batches import batches

_BATCH = 1_000
_PAGE = 10_000
_WORDS = 256
"""Maximum number of words of a query: the index takes about a thousand conditions, and each word is one or two."""
_TEXTS: dict[type[Any], tuple[str, tuple[str, ...]]] = {
    Chunk: ("graft_texts", ("text",)),
    Entity: ("graft_names", ("name", "aliases")),
}
"""Full-text index of each kind, and its fields."""


def keep_vectors(
    server: Neo4jServer,
    workspace: str,
    kind: type[Any],
    encoder: str,
    content: str,
    ids: Sequence[str],
    keys: Sequence[str],
    vectors: Vectors,
) -> None:
    """Write the vectors that are missing or of another text, and wait for the index; see `SearchingStore`."""
    name, label = _property(workspace, encoder), SHAPES[kind].label
    mark = f"{name}_{label.lower()}"
    kept = server.read(f"MATCH (v:Workspace {{id: $w}}) RETURN v.{mark}, v.commit", w=workspace)
    commit = kept[0][1] if kept else ""
    state = f"{content} {commit}"  # a row that went and came back has no vector, though the content is the same
    if kept and kept[0][0] == state:
        return
    unmark: Statement = f"MATCH (v:Workspace {{id: $w}}) SET v.{mark} = ''", {}
    server.write([unmark], workspace)  # before the index is made, so that `drop` always knows of it
    if len(ids):
        _make_index(server, _index(name, label), label, name, vectors.shape[1])
    key_of = _kept(server, workspace, label, name)
    rows = [row for row, (row_id, key) in enumerate(zip(ids, keys, strict=True)) if key_of.get(row_id) != key]
    for batch in batches(rows, _BATCH):
        values = [[ids[row], vectors[row].tolist(), keys[row]] for row in batch]
        write = (
            f"UNWIND $rows AS r MATCH (n:{label} {{workspace: $w, id: r[0]}}) "
            f"CALL db.create.setNodeVectorProperty(n, '{name}', r[1]) SET n.{name}_of = r[2]"
        )
        server.write([unmark, (write, {"rows": values})], workspace)  # another process may have marked what it wrote
    # Only if nobody has written since: else rows may have come that have no vector.
    marked = f"MATCH (v:Workspace {{id: $w, commit: $commit}}) SET v.{mark} = $state"
    server.write([(marked, {"commit": commit, "state": state})], workspace)


def _make_index(server: Neo4jServer, index: str, label: str, name: str, dimension: int) -> None:
    """Make a vector index unless it exists, and wait until it can be searched."""
    options = f"{{indexConfig: {{`vector.dimensions`: {dimension}, `vector.similarity_function`: 'cosine'}}}}"
    server.change(
        f"CREATE VECTOR INDEX {index} IF NOT EXISTS FOR (n:{label}) ON n.{name} OPTIONS {options}",
        f"CALL db.awaitIndex('{index}', 300)",
    )


def _kept(server: Neo4jServer, workspace: str, label: str, name: str) -> dict[str, str]:
    """The key of each row that has a vector, by id."""
    key_of: dict[str, str] = {}
    last, more = "", True
    while more:
        page = server.read(
            f"MATCH (n:{label} {{workspace: $w}}) WHERE n.id > $last "
            f"RETURN n.id, n.{name}_of ORDER BY n.id LIMIT $limit",
            w=workspace,
            last=last,
            limit=_PAGE,
        )
        key_of |= {row_id: key for row_id, key in page if key is not None}
        more, last = len(page) == _PAGE, page[-1][0] if page else ""
    return key_of


def nearest(
    server: Neo4jServer, workspace: str, kind: type[Any], encoder: str, vector: Vectors, limit: int
) -> list[tuple[str, float]]:
    """Ids and cosines of the rows nearest to a vector; see `SearchingStore`."""
    if limit < 1:
        return []
    hits = server.read(
        "CALL db.index.vector.queryNodes($index, $limit, $vector) YIELD node, score RETURN node.id, score",
        index=_index(_property(workspace, encoder), SHAPES[kind].label),
        limit=limit,
        vector=vector.tolist(),
    )
    return [(row_id, 2 * score - 1) for row_id, score in hits]  # the index gives (1 + cosine) / 2


def matching(
    server: Neo4jServer, workspace: str, kind: type[Any], words: Sequence[str], limit: int
) -> list[tuple[str, float]]:
    """Ids and scores of the rows that hold most of some words; see `SearchingStore`."""
    index, fields = _TEXTS[kind]
    if not words or limit < 1:
        return []
    terms = " ".join(map(_quoted, words[:_WORDS]))
    any_field = " ".join(f"{field}:({terms})" for field in fields)
    query = f"+workspace:{_quoted(workspace)}^0 +({any_field})"  # ^0: the workspace is required and scores nothing
    count = limit
    # The index matches the workspace's name as a phrase, so that names which contain it match too. These hits are
    # dropped here, and more are fetched if too few are left.
    while True:
        hits = server.read(
            "CALL db.index.fulltext.queryNodes($index, $query, {limit: $count}) YIELD node, score "
            "RETURN node.id, score, node.workspace",
            index=index,
            query=query,
            count=count,
        )
        scored = [hit for hit in hits if hit[1] > 0]  # words that the index drops match all nodes, with score 0
        matches = [(row_id, score) for row_id, score, of in scored if of == workspace]
        if len(matches) >= limit or len(scored) < count:
            return matches[:limit]
        count *= 4


def drop(server: Neo4jServer, workspace: str) -> None:
    """Remove the vector indexes of a workspace."""
    for (name,) in server.read("MATCH (v:Workspace {id: $w}) UNWIND keys(v) AS name RETURN name", w=workspace):
        if str(name).startswith("vector_"):
            server.change(f"DROP INDEX graft_{name} IF EXISTS")


def _property(workspace: str, encoder: str) -> str:
    return f"vector_{digest(workspace, encoder)[:16]}"


def _index(name: str, label: str) -> str:
    return f"graft_{name}_{label.lower()}"


def _quoted(words: str) -> str:
    """Words as one phrase of a full-text query, without half characters, which the driver could not send."""
    escaped = words.encode("utf-8", "ignore").decode("utf-8").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
