"""The retrievers, one file each, named as on the command line (`global` is in `global_search.py`).

A retriever turns a question into evidence. It knows the index, ways through it (`retrieval.traversal`), and chat models
if it calls any; it does not know how evidence is packed, or how a question is answered from it.

- Passages alone: `bm25.py`, `dense.py`, `rag.py`, `rerank.py`.
- Over the graph: `graph.py`, `ppr.py`, `flow.py`, `local.py`; along relations: `paths.py`, `coe.py`, `cypher.py`.
- By community reports: `global_search.py`, `drift.py`, `tree.py`.
- By the kind of the question: `auto.py`.

`registry.py` has the table of names, and says how to add a retriever of your own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from retrieval.retrievers.registry import RETRIEVERS, open_retriever, planned_calls, with_model

__all__ = ["RETRIEVERS", "open_retriever", "planned_calls", "with_model"]

__getattr__ = lazy_exports(__name__, {"registry": ["RETRIEVERS", "open_retriever", "planned_calls", "with_model"]})
