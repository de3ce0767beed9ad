"""The `flow` retriever: paths between the things that a question points at, pruned by how much flows along them.

Entities that the question names or that near facts join are the seeds. A walk from all of them bounds the
neighbourhood: its most visited entities. Within it a unit starts to flow at each seed, divided among neighbours and
less at each step; where less than a threshold would arrive, nothing flows on. What joins two seeds over at most a few
facts along the flow is a path, as reliable as the mean of what reaches its nodes along it. The facts of the best paths
come first, and the passages that state them.

Source: Chen et al. 2025 (PathRAG): flow-based pruning between retrieved nodes, with decay and threshold, and
    reliability as the mean resource of a path's nodes. There a node's resource is what arrives over all ways, so that
    two ways to one end may be equally reliable; here it is what arrives along the path. The neighbourhood by
    personalised PageRank is ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator
from functools import cached_property
from itertools import accumulate, combinations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from models.files.digest import digest
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import VISIT_SCALE, top_rows
from retrieval.traversal.fused_search import HybridSettings
from retrieval.traversal.seeds import SeedSettings, entity_seeds
from retrieval.traversal.steps import Relations, found_walks
from retrieval.traversal.walker import Walk
from retrieval.types import Retrieved


class FlowSettings(BaseModel):
    """Settings of `flow`.

    Attributes:
        rag: The plain search whose passages fill up.
        seeds: How a question points at entities.
        most_seeds: Entities between which paths are sought, the strongest.
        reach: Most visited entities that paths may lead through.
        hops: Most facts of a path.
        decay: Share of what arrives that flows on, in (0, 1] (PathRAG: 0.8).
        threshold: Least share of the unit that flows on to a neighbour.
        degree: Most neighbours that a node's flow is divided among; a node with more lets nothing through.
        walks: Most ways that are followed from a seed.
        paths: Most paths returned.
        facts: Most facts returned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rag: HybridSettings = HybridSettings()
    seeds: SeedSettings = SeedSettings()
    most_seeds: int = Field(default=8, ge=2)
    reach: int = Field(default=200, ge=1)
    hops: int = Field(default=3, ge=1)
    decay: float = Field(default=0.8, gt=0, le=1)
    threshold: float = Field(default=0.01, ge=0, lt=1)
    degree: int = Field(default=100, ge=1)
    walks: int = Field(default=2000, ge=1)
    paths: int = Field(default=15, ge=1)
    facts: int = Field(default=12, ge=0)


Way = tuple[tuple[int, ...], tuple[int, ...]]
"""Entity rows in order, and the fact rows between them."""


class FlowRetriever:
    """Paths between seeds, their facts, and their passages."""

    name = "flow"
    Settings = FlowSettings

    def __init__(self, index: GraphIndex, settings: FlowSettings) -> None:
        self._index = index
        self._settings = settings
        self._visits = Walk(index)
        self.digest = digest(self.name, index.digest, settings.model_dump())

    @cached_property
    def _relations(self) -> Relations:
        return Relations(self._index)

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find paths, best first, and at most `limit` passages; plain ones if no two seeds are joined."""
        weights = entity_seeds(self._index, question, self._index.encode_question(question), self._settings.seeds)
        seeds = sorted(sorted(weights), key=lambda row: -weights[row])[: self._settings.most_seeds]
        near = self._neighbourhood(weights) | set(seeds)
        found: dict[tuple[int, ...], float] = {}
        shares = {row: self._flow(row, near) for row in seeds}
        for one, other in combinations(seeds, 2):
            for nodes, facts in self._ways(one, other, shares[one]):
                key = facts if facts <= facts[::-1] else facts[::-1]
                found[key] = max(found.get(key, 0.0), _reliability(nodes, shares[one]))
        best = sorted(found.items(), key=lambda item: (-round(item[1], 9), item[0]))[: self._settings.paths]
        return found_walks(self._index, question, [(score, facts) for facts, score in best], limit, self._settings)

    def _neighbourhood(self, weights: dict[int, float]) -> set[int]:
        """The entities that a walk from the seeds visits most."""
        if not weights:
            return set()
        offset = len(self._index.entity_ids)
        seeds = np.zeros(offset + len(self._index.chunk_ids))
        seeds[list(weights)] = list(weights.values())
        visits = self._visits.visits(seeds, damping=0.5)[:offset]
        return set(top_rows(visits * VISIT_SCALE, self._settings.reach, above=0.0).tolist())

    def _flow(self, source: int, near: set[int]) -> dict[int, float]:
        """The entities that flow from a source reaches, each with the share that it passes on to each neighbour."""
        shares: dict[int, float] = {}
        front = {source: 1.0}
        for _ in range(self._settings.hops + 1):
            arriving: defaultdict[int, float] = defaultdict(float)
            for node, amount in sorted(front.items()):
                others = [other for other, _ in self._neighbours(node, near)]
                share = self._settings.decay / max(len(others), 1)
                passes = amount * share >= self._settings.threshold
                shares[node] = share if passes else 0.0
                for other in others if passes else ():
                    arriving[other] += amount * share
            front = {node: amount for node, amount in arriving.items() if node not in shares}
        return shares

    def _ways(self, source: int, target: int, shares: dict[int, float]) -> Iterator[Way]:
        """Ways from source to target along the flow, shortest first, none through a node twice."""
        if target not in shares:
            return
        level: list[Way] = [((source,), ())]
        for _ in range(self._settings.hops):
            longer: list[Way] = []
            for nodes, facts in level:
                for other, fact in self._neighbours(nodes[-1], shares) if shares[nodes[-1]] else ():
                    if other == target:
                        yield (*nodes, other), (*facts, fact)
                    elif other not in nodes:
                        longer.append(((*nodes, other), (*facts, fact)))
            level = longer[: self._settings.walks]

    def _neighbours(self, node: int, within: Container[int]) -> Iterator[tuple[int, int]]:
        """Entities joined to one by a fact, each with the first such fact; none of a hub."""
        relations = self._relations
        first, last = int(relations.starts[node]), int(relations.starts[node + 1])
        if last - first > self._settings.degree:
            return
        seen = {node}
        for other, fact in zip(relations.heads[first:last].tolist(), relations.facts[first:last].tolist(), strict=True):
            if other in within and other not in seen:
                seen.add(other)
                yield other, fact


def _reliability(nodes: tuple[int, ...], shares: dict[int, float]) -> float:
    """Mean of what reaches the nodes of a way along it."""
    amounts = list(accumulate((shares[node] for node in nodes[:-1]), lambda amount, share: amount * share, initial=1.0))
    return sum(amounts) / len(amounts)
