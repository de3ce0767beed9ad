"""Where a walk starts: how strongly a question points at each entity of the graph.

Two hints, each weak alone. The facts nearest to the question point at both their ends, and names that
stand in the question at the entities that bear them. An entity named in many passages says little
about any one of them, so a hint is divided by the number of its passages. Source: Gutiérrez et al.
2025 (HippoRAG 2), section 3.3, for facts and the division; names in the question are ours.
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
        facts: Nearest facts that seed their ends.
        name_weight: Weight of a name that stands in the question; the nearest fact weighs 1.
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
        question: Its words.
        vector: Its embedding, array (dimension,).
        settings: Weights and numbers.
    Returns:
        Entity row to weight > 0; empty if nothing points anywhere.
    """
    weights: defaultdict[int, float] = defaultdict(float)
    for row, weight in _from_facts(index, vector, settings.facts).items():
        weights[row] += weight
    for row in index.search.named_entities(question):
        weights[row] += settings.name_weight
    spread = np.maximum(index.passages_of_entity, 1)
    return {row: weight / float(spread[row]) for row, weight in sorted(weights.items()) if weight > 0}


def _from_facts(index: GraphIndex, vector: NDArray[np.float32], limit: int) -> dict[int, float]:
    """Mean similarity, relative to the best, of the nearest facts that an entity takes part in."""
    near = index.near_facts.top(vector, limit, above=0.0)
    hints: defaultdict[int, list[float]] = defaultdict(list)
    for row, cosine in near:
        for end in set(index.fact_ends[row].tolist()):
            hints[end].append(cosine / near[0][1])
    return {end: sum(values) / len(values) for end, values in hints.items()}
