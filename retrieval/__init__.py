"""From a question to evidence, and from evidence to an answer with citations.

    index = GraphIndex.of(workspace, encoder)
    evidence = open_retriever("graph", index, encoder, {}).retrieve(question, 10)
    reply = answer(question, pack(evidence, 1000, count_tokens), chat)

It reads a knowledge base (`kg`) and never changes its graph; it knows neither training nor evaluation.

- `types.py`: what a retriever returns and what a packed context holds.
- `text/`: passages, entities and facts as text. `pagerank/`: personalised PageRank on arrays.
- `index/`: the memory-mapped arrays, and search in them. `traversal/`: ways through an index.
- `retrievers/`: one file per retriever. `answering/`: packing, answers and their citations.
"""

from retrieval.types import PackedContext, Passage, RetrievedEvidence, Retriever

__all__ = ["PackedContext", "Passage", "RetrievedEvidence", "Retriever"]
