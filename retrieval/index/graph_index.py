"""The read side of a knowledge base: arrays and embeddings, memory-mapped, over any store.

A folder of arrays belongs to one content of the store and one encoder, and is named after both. It can be deleted at
any time: opening builds it again, and takes over the vectors of texts that have not changed. What a reader sees (texts,
names, sentences) stays in the store and is fetched by id.

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
from retrieval.index.embed import VectorCache, embed
from retrieval.index.layout import IndexLayout, lay_out
from retrieval.index.nearest import SMALL, CosineSearch, QuantisedVectors, quantise_into
from retrieval.index.rank import Ranking
from retrieval.index.search import ArraySearch, Search, SearchVectors, StoreSearch, known_rows
from retrieval.pagerank.exact import transition
from retrieval.text.texts import embedded_texts
from retrieval.types import Passage, RetrievedFact

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LAYOUT = 4
"""Version of the rows, texts and terms. Raising it rebuilds older folders and keeps their vectors."""

_TRIES = 5
"""Maximum number of attempts to open an index while other processes change the store."""

OWN_HOPS = "hops"
"""Name of the adapter that `graft train hops` trains for a workspace."""

SearchLocation = Literal["arrays", "store"]
_NO_HEADING = ("", "", "")
_KINDS = ("chunk", "entity", "fact")
_LABELS = {"chunk": "embed passages", "entity": "embed entities", "fact": "embed facts"}


class GraphIndex:
    """The arrays of one knowledge base, with its store and encoder; opened by `of` or `open`.

    Attributes:
        store: Store that holds texts, names and sentences.
        encoder: Encoder of the vectors, also for questions.
        digest: Digest of the store's content, the encoder, the layout and where candidates are searched.
        chunk_ids: Array (chunks,) of ASCII bytes, sorted; likewise `entity_ids` and `fact_ids`.
        chunk_vectors: Array (chunks, dimension), float32, unit length; likewise `entity_vectors` and `fact_vectors`.
        fact_ends: Array (facts, 2), int32: entity rows of subject and object.
        entity_names: Names of the entities by row. They are kept here since an entity in the store carries all its
            mentions, thousands for a hub, which would have to be loaded for its name.
        passages_of_entity: Array (entities,), int32: number of chunks that name each entity.
        step: Transition matrix of the walk over entities, then chunks, shape (nodes, nodes).
        degree: Array (entities + chunks,), float64: summed weight of the edges of each node.
        names: Terms of each name and alias to entity rows; empty where the store is searched.
        bm25: Lexical scores; without terms where the store is searched.
        codes: Vectors in bytes by "chunk", "entity" and "fact"; None where there are few (`retrieval.index.nearest`).
        near_facts: Search of facts by cosine.
        search: Search of candidates.
        own_hops: Folder of the hop adapter that was trained on this knowledge base (see `training.hops`), or None.
        writing: Context manager that keeps other processes from writing to the store while reports are written.
    """

    def __init__(self, store: GraphStore, encoder: Encoder, folder: Path, name: str, where: SearchLocation) -> None:
        values, tables = arrays.read(folder)
        self.store = store
        self.encoder = encoder
        self.digest = name
        self.chunk_ids: NDArray[np.bytes_] = values["chunk_ids"]
        self.entity_ids: NDArray[np.bytes_] = values["entity_ids"]
        self.fact_ids: NDArray[np.bytes_] = values["fact_ids"]
        self.chunk_vectors: Vectors = values["chunk_vectors"]
        self.entity_vectors: Vectors = values["entity_vectors"]
        self.fact_vectors: Vectors = values["fact_vectors"]
        self.fact_ends: NDArray[np.int32] = values["fact_ends"]
        self.entity_names = arrays.StringArray(values["entity_name_spans"], values["entity_names"])
        self.names: dict[str, list[int]] = tables["names"]
        self.step = _matrix(values)
        self.degree: NDArray[np.float64] = values["degree"]
        self.passages_of_entity: NDArray[np.int32] = values["passages_of_entity"]
        self.bm25 = bm25.Bm25(values, tables["vocabulary"], len(self.chunk_ids))
        self.codes = {kind: _codes(values, tables, kind) for kind in _KINDS}
        self.near_facts = CosineSearch(self.fact_vectors, self.codes["fact"])
        vectors = SearchVectors(self.chunk_ids, self.chunk_vectors, self.entity_ids, self.entity_vectors, self.codes)
        self.search: Search = (
            ArraySearch(vectors, self.bm25, self.names)
            if where == "arrays"
            else StoreSearch(vectors, _searching(store), encoder.digest)
        )
        self.own_hops: Path | None = None
        self.writing: Callable[[], AbstractContextManager[None]] = nullcontext
        self._headings: dict[str, tuple[str, str, str]] = {}

    @classmethod
    def of(cls, workspace: Workspace, encoder: Encoder, progress: Progress = SILENT) -> GraphIndex:
        """Open the index of a workspace, which has to stay open as long as the index is used."""
        index = cls.open(workspace.store, workspace.index_dir, encoder, progress, workspace.config.search)
        adapter = workspace.adapters_dir / OWN_HOPS
        if adapter.is_dir() and not adapter_manifest(adapter).get("erased"):
            index.own_hops = adapter
        index.writing = workspace.writing
        return index

    @classmethod
    def open(
        cls,
        store: GraphStore,
        folder: Path,
        encoder: Encoder,
        progress: Progress = SILENT,
        where: SearchLocation = "arrays",
    ) -> GraphIndex:
        """Open the index of a store's present content, building it if it is missing, stale or damaged.

        Args:
            store: Store that has to stay open as long as the index is used.
            folder: Folder that holds the folders of arrays.
            encoder: Encoder of the vectors, also for questions.
            progress: Progress callback of the steps "embed passages", "embed entities" and "embed facts".
            where: Where candidates are searched: in the "arrays" of this index, or in the indexes of the "store".
        Raises:
            ConfigError: The store has no indexes of its own.
        """
        for _ in range(_TRIES - 1):
            try:
                return cls._open_once(store, folder, encoder, progress, where)
            except FileNotFoundError:  # another process changed the store, and removed what it made stale
                continue
        return cls._open_once(store, folder, encoder, progress, where)

    @classmethod
    def _open_once(
        cls, store: GraphStore, folder: Path, encoder: Encoder, progress: Progress, where: SearchLocation
    ) -> GraphIndex:
        content = store.digest()
        # The name tells content and encoder apart, so that an index survives a change of encoder and back; the key also
        # holds the layout, so that a folder of an older layout is rebuilt in its place.
        name = "-".join([content[:16], *(["store"] if where == "store" else []), encoder.digest[:16]])
        key = digest(content, encoder.digest, LAYOUT, *([] if where == "arrays" else [where]))
        if not _usable(folder / name, key):
            cache = _vectors_of_earlier_index(folder, name, encoder)
            _build(store, encoder, folder / name, key, cache, progress, where)
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

    def passages(self, ranking: Ranking) -> tuple[Passage, ...]:
        """The chunks of a ranking, in its order, with the headings of their documents."""
        chunks = self._by_id(Chunk, [item.id for item in ranking])
        self._fetch_headings({chunk.document_id for chunk in chunks.values()})
        return tuple(self._passage(chunks[item.id], item.score) for item in ranking if item.id in chunks)

    def facts(self, ranking: Ranking) -> tuple[RetrievedFact, ...]:
        """The facts of a ranking, in its order, each with the first sentence that states it."""
        facts = self._by_id(Fact, [item.id for item in ranking])
        ends: dict[str, tuple[str, str]] = {}
        for row in known_rows(self.fact_ids, list(facts)).tolist():
            subject, object_ = self.fact_ends[row].tolist()
            ends[self.fact_ids[row].decode("ascii")] = self.entity_names[subject], self.entity_names[object_]
        chunks = self._by_id(Chunk, {fact.evidence[0].chunk_id for fact in facts.values() if fact.evidence})
        self._fetch_headings({chunk.document_id for chunk in chunks.values()})
        ranked = (item for item in ranking if item.id in ends)
        return tuple(self._retrieved_fact(facts[item.id], ends[item.id], chunks, item.score) for item in ranked)

    def _passage(self, chunk: Chunk, score: float) -> Passage:
        source, title, date = self._headings.get(chunk.document_id, _NO_HEADING)
        return Passage(chunk.id, chunk.document_id, source, title, date, chunk.text, score)

    def _retrieved_fact(self, fact: Fact, ends: tuple[str, str], chunks: dict[str, Any], score: float) -> RetrievedFact:
        evidence = fact.evidence[0] if fact.evidence else None
        chunk = chunks.get(evidence.chunk_id) if evidence else None
        source, title, _ = self._headings.get(chunk.document_id, _NO_HEADING) if chunk else _NO_HEADING
        return RetrievedFact(
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

    def _by_id(self, kind: type[Any], ids: Iterable[str]) -> dict[str, Any]:
        """Objects of the store by id; ids that it does not know are left out."""
        wanted = sorted(set(ids))
        return {stored.id: stored for stored in self.store.read(kind, wanted)} if wanted else {}

    def _fetch_headings(self, document_ids: set[str]) -> None:
        """Fetch headings that are not known yet, and keep them: a document's text may be long, and questions repeat."""
        documents = self._by_id(Document, document_ids - self._headings.keys())
        self._headings.update(
            {key: (document.source, document.title, document.date) for key, document in documents.items()}
        )


def _codes(values: dict[str, arrays.Array], tables: dict[str, Any], kind: str) -> QuantisedVectors | None:
    name = f"{kind}_codes"
    return QuantisedVectors(np.asarray(values[name]), *tables["rounding"][kind]) if name in values else None


def _matrix(values: dict[str, arrays.Array]) -> csr_matrix:
    from scipy.sparse import csr_matrix

    size = len(values["entity_ids"]) + len(values["chunk_ids"])
    return csr_matrix((values["step_data"], values["step_indices"], values["step_indptr"]), shape=(size, size))


def _usable(folder: Path, key: str) -> bool:
    """Whether the folder is complete, readable and of this key."""
    if not arrays.is_complete(folder):
        return False
    try:
        _, tables = arrays.read(folder)
    except (OSError, ValueError):
        return False
    return tables.get("key") == key


def _siblings(folder: Path, name: str) -> list[Path]:
    """Other index folders beside this one, newest first."""
    others = [path for path in folder.glob("*-*") if path.is_dir() and path.name != name and path.name[0] != "."]
    return sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)


def _build(
    store: GraphStore,
    encoder: Encoder,
    folder: Path,
    key: str,
    cache: VectorCache,
    progress: Progress,
    where: SearchLocation,
) -> None:
    """Write a new folder of arrays: vectors, their codes where there are many, BM25, the graph and the names."""
    layout = lay_out(store)
    chunk_texts = embedded_texts(store, encoder, layout.chunk_texts)
    texts: Sequence[list[str]] = (chunk_texts, layout.entity_texts, layout.fact_texts)
    is_exact = where == "arrays"
    rounding = {}
    with arrays.new_folder(folder, lambda path: _usable(path, key)) as out:
        for kind, kind_texts in zip(_KINDS, texts, strict=True):
            vectors = out.empty(f"{kind}_vectors", (len(kind_texts), encoder.dimension), np.float32)
            out.put(f"{kind}_keys", embed(kind_texts, vectors, encoder, cache, progress, _LABELS[kind]))
            # Where the store is searched, the arrays of passages and entities are used at single rows only.
            if len(vectors) > SMALL and (is_exact or kind == "fact"):
                codes = quantise_into(out.empty(f"{kind}_codes", vectors.shape, np.int8), vectors)
                rounding[kind] = codes.scale, codes.error
        postings, vocabulary = bm25.build(layout.chunk_texts if is_exact else [])
        for part, values in (postings | _graph_arrays(layout)).items():
            out.put(part, values)
        out.table("rounding", rounding)
        out.table("names", layout.names if is_exact else {})
        out.table("vocabulary", vocabulary)
        out.table("key", key)


def _give_vectors(store: SearchingStore, encoder: Encoder, content: str, folder: Path) -> None:
    """Bring the vectors of passages and entities into the store's indexes, as far as they are not there yet."""
    values, _ = arrays.read(folder)
    for kind, name in ((Chunk, "chunk"), (Entity, "entity")):
        keys = [key.decode("ascii") for key in values[f"{name}_keys"].tolist()]
        ids = [row_id.decode("ascii") for row_id in values[f"{name}_ids"].tolist()]
        store.keep_vectors(kind, encoder.digest, content, ids, keys, values[f"{name}_vectors"])


def _searching(store: GraphStore) -> SearchingStore:
    if not isinstance(store, SearchingStore):
        raise ConfigError(
            "The setting search: store needs a store with indexes of its own. Set store: neo4j, or search: arrays."
        )
    return store


def _graph_arrays(layout: IndexLayout) -> dict[str, arrays.Array]:
    step = transition(layout.adjacency)
    names = arrays.StringArray.of(layout.entity_names)
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


def _passages_of_entity(layout: IndexLayout) -> NDArray[np.int32]:
    count = len(layout.entity_ids)
    to_chunks = layout.adjacency[:count, count:]
    counts: NDArray[np.int32] = np.diff(to_chunks.indptr).astype(np.int32)
    return counts


def _vectors_of_earlier_index(folder: Path, name: str, encoder: Encoder) -> VectorCache:
    """Vectors to take over: of the folder itself if only its layout is older, else of this encoder's newest folder."""
    cache = VectorCache()
    suffix = encoder.digest[:16]
    folders = (folder / name, *_siblings(folder, name))
    complete = (path for path in folders if path.name.endswith(suffix) and arrays.is_complete(path))
    for path in complete:
        try:
            values, _ = arrays.read(path)
        except (OSError, ValueError):  # removed meanwhile, or damaged
            continue
        for kind in _KINDS:
            if {f"{kind}_keys", f"{kind}_vectors"} <= values.keys():
                cache.add(values[f"{kind}_keys"], values[f"{kind}_vectors"])
        break
    return cache
