"""The memory-mapped read side of a knowledge base, and search in it.

It knows rows, vectors and scores. It does not know how a question is answered, and holds no text: what a reader sees is
fetched from the store by id.

- `graph_index.py`: opens or builds the index of a store, which every retriever is given.
- `layout.py`, `embed.py`, `arrays.py`: the parts of a build: rows and graph, vectors, files.
- `search.py`: finds candidates, by `nearest.py` (vectors) and `bm25_scores.py` (words), or in the store.
- `rank.py`, `fuse.py`: rankings with ties by id, and how several become one.
- `subset.py`: the part of an index within a span of time or of some entity types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from retrieval.index.graph_index import GraphIndex
    from retrieval.index.subset import CorpusFilter, restrict

__all__ = ["CorpusFilter", "GraphIndex", "restrict"]

__getattr__ = lazy_exports(__name__, {"graph_index": ["GraphIndex"], "subset": ["CorpusFilter", "restrict"]})
