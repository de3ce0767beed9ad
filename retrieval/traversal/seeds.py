"""Where a walk starts: how strongly a question points at each entity of the graph.

Two hints, each weak alone: the facts nearest to the question point at both their ends, and names in the question point
at the entities that bear them. An entity that many passages name says little about any one of them, so a hint is
divided by the number of its passages.

Source: Gutiérrez et al. 2025 (HippoRAG 2), section 3.3, for facts and the division; names in the question are ours.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from retrieval.index.graph_index import GraphIndex


class SeedSettings(BaseModel):
    """How a question points at entities.

    Attributes:
        facts: Number of facts nearest to the question whose ends become seeds.
        name_weight: Weight of an entity that the question names; the ends of the nearest fact weigh 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    facts: int = Field(default=5, ge=0)
    name_weight: float = Field(default=0.2, ge=0)


def entity_seeds(
    index: GraphIndex, question: str, vector: NDArray[np.float32], settings: SeedSettings
) -> dict[int, float]:
    """Weights of the entities that a question points at.

    Args:
        index: The graph.
        question: Text of the question.
        vector: Embedding of the question, array (dimension,).
        settings: Weights and numbers.
    Returns:
        Entity row to weight > 0; empty if nothing points at an entity.
    """
    weights: defaultdict[int, float] = defaultdict(float)
    for row, weight in _weights_by_facts(index, vector, settings.facts).items():
        weights[row] += weight
    for row in index.search.named_entities(question):
        weights[row] += settings.name_weight
    # An entity that only facts join to the graph has no passage; dividing by 1 keeps its weight.
    passages = np.maximum(index.passages_of_entity, 1)
    return {row: weight / float(passages[row]) for row, weight in sorted(weights.items()) if weight > 0}


def _weights_by_facts(index: GraphIndex, vector: NDArray[np.float32], limit: int) -> dict[int, float]:
    """For each end of the nearest facts, their mean cosine relative to the best one, in (0, 1]."""
    nearest = index.near_facts.top(vector, limit, above=0.0)
    cosines: defaultdict[int, list[float]] = defaultdict(list)
    for row, cosine in nearest:
        best = nearest[0][1]
        for end in set(index.fact_ends[row].tolist()):
            cosines[end].append(cosine / best)
    # The mean, as in HippoRAG 2's code: by the sum, an entity of many facts would win by their number alone.
    return {end: sum(values) / len(values) for end, values in cosines.items()}
