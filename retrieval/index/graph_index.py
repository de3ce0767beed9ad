"""The read side of a knowledge base: arrays and embeddings, memory-mapped, over any store.

A folder of arrays belongs to one content of the store and one encoder, and is named after both. It
can be deleted at any time: opening builds it again, and takes over the vectors of texts that have
not changed. What a reader sees (texts, names, sentences) stays in the store and is fetched by id.

    index = GraphIndex.of(workspace, encoder)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from kg.schema import Chunk, Document, Entity, Fact
from kg.stores.capabilities import SearchingStore
from kg.stores.protocol import GraphStore
from kg.workspace import Workspace
from models.errors import ConfigError
from models.files.digest import digest
from models.local.causal import adapter_manifest
from models.protocols import Encoder, Vectors
from models.runtime.progress import SILENT, Progress
from retrieval.index import arrays
from retrieval.index import bm25_scores as bm25
from retrieval.index.embed import KnownVectors, embed
from retrieval.index.layout import Layout, lay_out
from retrieval.index.nearest import SMALL, Nearest, Rounded, round_into
from retrieval.index.rank import Ranking
from retrieval.index.search import ArraySearch, Embedded, Search, StoreSearch, known_rows
from retrieval.pagerank.exact import transition
from retrieval.types import FoundFact, Passage

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LAYOUT = 3
"""Raise it when rows, texts or terms are made differently: older folders are then rebuilt, their vectors kept."""

_TRIES = 5
"""Times that an index is opened anew while other processes change the store."""

OWN_HOPS = "hops"
"""Name of the adapter that `graft train hops` makes of a workspace."""

Where = Literal["arrays", "store"]
_NO_HEADING = ("", "", "")
_EMBEDDED = ("chunk", "entity", "fact")
_LABELS = {"chunk": "embed passages", "entity": "embed entities", "fact": "embed facts"}


class GraphIndex:
    """Arrays of one knowledge base; make one with `open`.

    Attributes:
        digest: Names the store's content, the encoder, the layout and where candidates are searched.
        chunk_ids: Array (chunks,) of ASCII bytes, sorted; likewise `entity_ids` and `fact_ids`.
        chunk_vectors: Array (chunks, dimension), float32; likewise `entity_vectors` and `fact_vectors`.
        fact_ends: Array (facts, 2), int32: entity rows of subject and object.
        entity_names: Names, by row: the store's rows of entities hold every place that names them.
        passages_of_entity: Array (entities,), int32: number of chunks that name each.
        step: Transition matrix of the walk over entities, then chunks.
        degree: Array (entities + chunks,), float64: weight of the edges of each node.
        names: Terms of each name and alias to entity rows; empty where the store is searched, as are those of `bm25`.
        bm25: Lexical scores.
        codes: Vectors in bytes by "chunk", "entity" and "fact"; None of few (see `retrieval.index.nearest`).
        near_facts: Finds facts by cosine.
        search: Finds candidates.
        own_hops: Folder of the adapter for hops that was trained on this knowledge base (see `training.hops`), or None.
        writing: Keeps other processes from writing to the store, for who writes reports while a question is answered.
    """

    def __init__(self, store: GraphStore, encoder: Encoder, folder: Path, name: str, where: Where) -> None:
        found, tables = arrays.read(folder)
        self.store = store
        self.encoder = encoder
        self.digest = name
        self.chunk_ids: NDArray[np.bytes_] = found["chunk_ids"]
        self.entity_ids: NDArray[np.bytes_] = found["entity_ids"]
        self.fact_ids: NDArray[np.bytes_] = found["fact_ids"]
        self.chunk_vectors: Vectors = found["chunk_vectors"]
        self.entity_vectors: Vectors = found["entity_vectors"]
        self.fact_vectors: Vectors = found["fact_vectors"]
        self.fact_ends: NDArray[np.int32] = found["fact_ends"]
        self.entity_names = arrays.Strings(found["entity_name_spans"], found["entity_names"])
        self.names: dict[str, list[int]] = tables["names"]
        self.step = _matrix(found)
        self.degree: NDArray[np.float64] = found["degree"]
        self.passages_of_entity: NDArray[np.int32] = found["passages_of_entity"]
        self.bm25 = bm25.Bm25(found, tables["vocabulary"], len(self.chunk_ids))
        self.codes = {kind: _codes(found, tables, kind) for kind in _EMBEDDED}
        self.near_facts = Nearest(self.fact_vectors, self.codes["fact"])
        rows = Embedded(self.chunk_ids, self.chunk_vectors, self.entity_ids, self.entity_vectors, self.codes)
        self.search: Search = (
            ArraySearch(rows, self.bm25, self.names)
            if where == "arrays"
            else StoreSearch(rows, _searching(store), encoder.digest)
        )
        self.own_hops: Path | None = None
        self.writing: Callable[[], AbstractContextManager[None]] = nullcontext
        self._headings: dict[str, tuple[str, str, str]] = {}

    @classmethod
    def of(cls, workspace: Workspace, encoder: Encoder, progress: Progress = SILENT) -> GraphIndex:
        """`open` the index of a workspace, which has to stay open as long as the index is used."""
        index = cls.open(workspace.store, workspace.index_dir, encoder, progress, workspace.config.search)
        own = workspace.adapters_dir / OWN_HOPS
        if own.is_dir() and not adapter_manifest(own).get("erased"):
            index.own_hops = own
        index.writing = workspace.writing
        return index

    @classmethod
    def open(
        cls, store: GraphStore, folder: Path, encoder: Encoder, progress: Progress = SILENT, where: Where = "arrays"
    ) -> GraphIndex:
        """Open the index of a store's present content, building it if it is missing, stale or damaged.

        Args:
            store: Stays open as long as the index is used.
            folder: Holds the folders of arrays.
            encoder: Makes the vectors; also encodes the questions.
            progress: Steps "embed passages", "embed entities", "embed facts", where there is something to do.
            where: Candidates are searched: "arrays" for those of this index, "store" for the store's own indexes.
        Raises:
            ConfigError: The store has no indexes of its own.
        """
        for _ in range(_TRIES - 1):
            try:
                return cls._opened(store, folder, encoder, progress, where)
            except FileNotFoundError:  # another process changed the store, and removed what it made stale
                continue
        return cls._opened(store, folder, encoder, progress, where)

    @classmethod
    def _opened(cls, store: GraphStore, folder: Path, encoder: Encoder, progress: Progress, where: Where) -> GraphIndex:
        content = store.digest()
        name = "-".join([content[:16], *(["store"] if where == "store" else []), encoder.digest[:16]])
        key = digest(content, encoder.digest, LAYOUT, *([] if where == "arrays" else [where]))
        if not _usable(folder / name, key):
            known = _known_vectors(folder, name, encoder)
            _build(store, encoder, folder / name, key, known, progress, where)
        for old in _siblings(folder, name):
            if not old.name.startswith(content[:16]):
                arrays.remove(old)
        if where == "store":
            _give_vectors(_searching(store), encoder, content, folder / name)
        return cls(store, encoder, folder / name, key, where)

    def encode_question(self, question: str) -> NDArray[np.float32]:
        """The question as a unit vector, array (dimension,)."""
        vector: NDArray[np.float32] = self.encoder.encode([question], "query")[0]
        return vector

    def chunk_rows(self, ids: Sequence[str]) -> NDArray[np.intp]:
        """Rows of known chunk ids, array (len(ids),)."""
        return np.searchsorted(self.chunk_ids, np.array(ids, dtype=self.chunk_ids.dtype))

    def has_chunk(self, chunk_id: str) -> bool:
        """Whether the index has a chunk of that id."""
        return len(known_rows(self.chunk_ids, [chunk_id])) > 0

    def passages(self, found: Ranking) -> tuple[Passage, ...]:
        """The chunks of a ranking, in its order, with the headings of their documents."""
        chunks = self._rows(Chunk, [item.id for item in found])
        self._learn_headings({chunk.document_id for chunk in chunks.values()})
        return tuple(self._passage(chunks[item.id], item.score) for item in found if item.id in chunks)

    def facts(self, found: Ranking) -> tuple[FoundFact, ...]:
        """The facts of a ranking, in its order, each with the first sentence that states it."""
        facts = self._rows(Fact, [item.id for item in found])
        rows = known_rows(self.fact_ids, list(facts))
        ends = {self.fact_ids[row].decode("ascii"): self.fact_ends[row].tolist() for row in rows.tolist()}
        chunks = self._rows(Chunk, {fact.evidence[0].chunk_id for fact in facts.values() if fact.evidence})
        self._learn_headings({chunk.document_id for chunk in chunks.values()})
        return tuple(
            self._found_fact(facts[item.id], [self.entity_names[end] for end in ends[item.id]], chunks, item.score)
            for item in found
            if item.id in ends
        )

    def _passage(self, chunk: Chunk, score: float) -> Passage:
        source, title, date = self._headings.get(chunk.document_id, _NO_HEADING)
        return Passage(chunk.id, chunk.document_id, source, title, date, chunk.text, score)

    def _found_fact(self, fact: Fact, ends: Sequence[str], chunks: dict[str, Any], score: float) -> FoundFact:
        evidence = fact.evidence[0] if fact.evidence else None
        chunk = chunks.get(evidence.chunk_id) if evidence else None
        source, title, _ = self._headings.get(chunk.document_id, _NO_HEADING) if chunk else _NO_HEADING
        return FoundFact(
            fact_id=fact.id,
            subject=ends[0],
            predicate=fact.predicate,
            object=ends[1],
            chunk_id=chunk.id if chunk else "",
            sentence=chunk.text[evidence.start : evidence.end] if evidence and chunk else "",
            score=score,
            valid_from=fact.valid_from,
            valid_to=fact.valid_to,
            source=source,
            title=title,
        )

    def _rows(self, kind: type[Any], ids: Iterable[str]) -> dict[str, Any]:
        wanted = sorted(set(ids))
        return {row.id: row for row in self.store.read(kind, wanted)} if wanted else {}

    def _learn_headings(self, document_ids: set[str]) -> None:
        """Keep headings: a document's text may be long, and the same ones come up again and again."""
        new = self._rows(Document, document_ids - self._headings.keys())
        self._headings.update({key: (row.source, row.title, row.date) for key, row in new.items()})


def _codes(found: dict[str, arrays.Array], tables: dict[str, Any], kind: str) -> Rounded | None:
    name = f"{kind}_codes"
    return Rounded(np.asarray(found[name]), *tables["rounding"][kind]) if name in found else None


def _matrix(found: dict[str, arrays.Array]) -> csr_matrix:
    from scipy.sparse import csr_matrix

    size = len(found["entity_ids"]) + len(found["chunk_ids"])
    return csr_matrix((found["step_data"], found["step_indices"], found["step_indptr"]), shape=(size, size))


def _usable(folder: Path, key: str) -> bool:
    """Whether the folder is whole, readable and of this key."""
    if not arrays.is_whole(folder):
        return False
    try:
        _, tables = arrays.read(folder)
    except (OSError, ValueError):
        return False
    return tables.get("key") == key


def _siblings(folder: Path, name: str) -> list[Path]:
    """Other index folders beside this one, newest first."""
    found = [path for path in folder.glob("*-*") if path.is_dir() and path.name != name and path.name[0] != "."]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


def _build(
    store: GraphStore, encoder: Encoder, folder: Path, key: str, known: KnownVectors, progress: Progress, where: Where
) -> None:
    layout = lay_out(store)
    texts: Sequence[list[str]] = (layout.chunk_texts, layout.entity_texts, layout.fact_texts)
    is_exact = where == "arrays"
    rounding = {}
    with arrays.building(folder, lambda path: _usable(path, key)) as out:
        for kind, kind_texts in zip(_EMBEDDED, texts, strict=True):
            vectors = out.empty(f"{kind}_vectors", (len(kind_texts), encoder.dimension), np.float32)
            out.put(f"{kind}_keys", embed(kind_texts, vectors, encoder, known, progress, _LABELS[kind]))
            if len(vectors) > SMALL and (is_exact or kind == "fact"):
                codes = round_into(out.empty(f"{kind}_codes", vectors.shape, np.int8), vectors)
                rounding[kind] = codes.scale, codes.error
        postings, vocabulary = bm25.build(layout.chunk_texts if is_exact else [])
        for part, values in (postings | _graph_arrays(layout)).items():
            out.put(part, values)
        out.table("rounding", rounding)
        out.table("names", layout.names if is_exact else {})
        out.table("vocabulary", vocabulary)
        out.table("key", key)


def _give_vectors(store: SearchingStore, encoder: Encoder, content: str, folder: Path) -> None:
    """Bring the vectors of passages and entities into the store's indexes, as far as they are not there."""
    found, _ = arrays.read(folder)
    for kind, name in ((Chunk, "chunk"), (Entity, "entity")):
        keys = [key.decode("ascii") for key in found[f"{name}_keys"].tolist()]
        ids = [row_id.decode("ascii") for row_id in found[f"{name}_ids"].tolist()]
        store.keep_vectors(kind, encoder.digest, content, ids, keys, found[f"{name}_vectors"])


def _searching(store: GraphStore) -> SearchingStore:
    if not isinstance(store, SearchingStore):
        raise ConfigError(
            "The setting search: store needs a store with indexes of its own: expected store: neo4j, or search: arrays."
        )
    return store


def _graph_arrays(layout: Layout) -> dict[str, arrays.Array]:
    step = transition(layout.adjacency)
    names = arrays.Strings.of(layout.entity_names)
    ids = {"chunk_ids": layout.chunk_ids, "entity_ids": layout.entity_ids, "fact_ids": layout.fact_ids}
    return {
        **{name: np.array(values, dtype="S" if values else "S1") for name, values in ids.items()},
        "fact_ends": layout.fact_ends,
        "entity_name_spans": names.spans,
        "entity_names": names.data,
        "passages_of_entity": _passages_of_entity(layout),
        "degree": np.asarray(layout.adjacency.sum(axis=0), dtype=np.float64).ravel(),
        "step_data": step.data,
        "step_indices": step.indices,
        "step_indptr": step.indptr,
    }


def _passages_of_entity(layout: Layout) -> NDArray[np.int32]:
    count = len(layout.entity_ids)
    to_chunks = layout.adjacency[:count, count:]
    counts: NDArray[np.int32] = np.diff(to_chunks.indptr).astype(np.int32)
    return counts


def _known_vectors(folder: Path, name: str, encoder: Encoder) -> KnownVectors:
    """Vectors of the folder itself, should its layout be an older one, or of the newest whole one of this encoder."""
    known = KnownVectors()
    suffix = encoder.digest[:16]
    there = (folder / name, *_siblings(folder, name))
    same = (path for path in there if path.name.endswith(suffix) and arrays.is_whole(path))
    for old in same:
        try:
            found, _ = arrays.read(old)
        except (OSError, ValueError):  # removed meanwhile, or damaged
            continue
        for kind in _EMBEDDED:
            if {f"{kind}_keys", f"{kind}_vectors"} <= found.keys():
                known.add(found[f"{kind}_keys"], found[f"{kind}_vectors"])
        break
    return known
