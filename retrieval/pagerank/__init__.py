"""Personalised PageRank: how often a walker who keeps returning to the seeds visits each node of a graph.

Works on numbers alone: it knows no entity, passage, store or model.

- `exact.py`: by power iteration over all edges, for graphs of up to a million.
- `push.py`: by forward push from a few seeds, in time proportional to the nodes it visits; `kernels.py` has its
  compiled loops.

Which of the two a retriever uses is decided in `retrieval.traversal.walker`.
"""

from retrieval.pagerank.exact import personalised_pagerank, transition
from retrieval.pagerank.push import ForwardPush, VisitProbabilities

__all__ = ["ForwardPush", "VisitProbabilities", "personalised_pagerank", "transition"]
