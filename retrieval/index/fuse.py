"""Reciprocal rank fusion: merges rankings whose scores cannot be compared, such as BM25 and cosines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from retrieval.index.rank import Ranking, ScoredId


def reciprocal_rank_fusion(
    runs: Sequence[Ranking], k: int = 60, weights: Sequence[float] | None = None
) -> list[ScoredId]:
    """Merge rankings by the sum of weight / (k + rank).

    Args:
        runs: One ranking a retriever, best first; ids unique within each.
        k: Rank offset, in ranks. With a large k, an id that every ranking has in the middle beats the first of one;
            with a small k, the first of one ranking stays in front.
        weights: One weight > 0 a ranking; all 1 by default.
    Returns:
        Ids with scores in (0, sum(weights) / (k + 1)], best first, ties by id.
    Raises:
        ValueError: If `runs` is empty, or `weights` is of another length.
    Source: Cormack et al., SIGIR 2009 (unweighted).
    Example:
        >>> runs = [[ScoredId("a", 2.0), ScoredId("b", 1.0)], [ScoredId("a", 0.9)]]
        >>> reciprocal_rank_fusion(runs)[0].id
        'a'
    """
    if not runs:
        raise ValueError("Expected at least one ranking to fuse; got none.")
    weights = [1.0] * len(runs) if weights is None else weights
    if len(weights) != len(runs):
        raise ValueError(f"Expected one weight a ranking ({len(runs)}); got {len(weights)}.")
    scores: defaultdict[str, float] = defaultdict(float)
    for run, weight in zip(runs, weights, strict=True):
        for rank, item in enumerate(run, start=1):
            scores[item.id] += weight / (k + rank)
    fused = [ScoredId(key, score) for key, score in scores.items()]
    return sorted(fused, key=lambda item: (-item.score, item.id))  # ties by id: the same ranking on every machine
