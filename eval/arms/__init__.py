"""Answers items: contexts are frozen, prompts filled, options scored, answers marked.

- `contexts.py`: freezes the evidence of every retriever for every item, before the first answer.
- `oracle.py`: the retriever that returns the gold passages.
- `answering.py`: answers one item from one context with one model.
- `score.py`: answers all items with all arms and writes samples.
- `metrics.py`: marks short answers; makes log-probabilities of options comparable.
- `readers.py`: opens the models, one adapter at a time.
- `prices.py`: what an answer costs.

It is given retrievers and models, and does not know how a knowledge base is built or an adapter trained. Arms are
compared in `eval.runs.summary`, not here. Modules that load retrieval are not re-exported.
"""

from eval.arms.metrics import ANSWER_METRICS, Normalisation, normalised_scores

__all__ = ["ANSWER_METRICS", "Normalisation", "normalised_scores"]
