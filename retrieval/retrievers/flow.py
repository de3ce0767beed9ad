"""The `flow` retriever: paths between the entities that a question points at, pruned by how much flows along them.

Source: Chen et al. 2025 (PathRAG): flow-based pruning between retrieved nodes, with decay and threshold, and
reliability as the mean resource of a path's nodes. There a node's resource is what arrives over all ways, so that two
ways to one end may be equally reliable; here it is what arrives along the path. The neighbourhood by personalised
PageRank is ours.

The seeds are entities that the question names, and the ends of the facts nearest to it. A walk from all of them bounds
the neighbourhood: its most visited entities. Within it a unit starts to flow at each seed, divided among neighbours and
reduced at each step; where less than a threshold would arrive, nothing flows. A path joins two seeds along the flow,
over a few facts at most. The facts of the best paths come first, and the passages that state them.
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
from retrieval.traversal.fused_search import RagSettings
from retrieval.traversal.seeds import SeedSettings, entity_seeds
from retrieval.traversal.steps import RelationGraph, evidence_of_walks
from retrieval.traversal.walker import RandomWalk
from retrieval.types import RetrievedEvidence


class FlowSettings(BaseModel):
    """Settings of `flow`.

    Attributes:
        rag: Settings of the plain search whose passages fill up the limit.
        seeds: How a question points at entities.
        most_seeds: Maximum number of entities between which paths are sought, the strongest seeds.
        reach: Number of most visited entities that paths may lead through.
        hops: Maximum number of facts of a path.
        decay: Share of what arrives at a node that it passes on, in (0, 1] (PathRAG: 0.8).
        threshold: Minimum share of the unit that is passed on to a neighbour; less does not flow.
        degree: Maximum number of facts of a node that the flow passes through; one with more is a hub, where it ends.
        walks: Maximum number of partial paths that are followed from a seed.
        paths: Maximum number of paths returned.
        facts: Maximum number of facts returned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rag: RagSettings = RagSettings()
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


NodePath = tuple[tuple[int, ...], tuple[int, ...]]
"""Entity rows in order, and the fact rows between them, one fewer."""


class FlowRetriever:
    """Paths between seeds, their facts, and their passages."""

    name = "flow"
    Settings = FlowSettings

    def __init__(self, index: GraphIndex, settings: FlowSettings) -> None:
        self._index = index
        self._settings = settings
        self._random_walk = RandomWalk(index)
        self.digest = digest(self.name, index.digest, settings.model_dump())

    @cached_property
    def _graph(self) -> RelationGraph:
        return RelationGraph(self._index)

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find paths, best first, and at most `limit` passages; plain ones if no two seeds are joined."""
        weights = entity_seeds(self._index, question, self._index.encode_question(question), self._settings.seeds)
        seeds = sorted(sorted(weights), key=lambda row: -weights[row])[: self._settings.most_seeds]
        near = self._neighbourhood(weights) | set(seeds)  # paths may end at a seed that the walk hardly visits
        reliability: dict[tuple[int, ...], float] = {}
        shares = {row: self._flow(row, near) for row in seeds}
        # One direction a pair: the flow from the stronger seed, which comes first.
        for source, target in combinations(seeds, 2):
            for nodes, facts in self._paths(source, target, shares[source]):
                # The same facts the other way round are the same path.
                key = min(facts, facts[::-1])
                reliability[key] = max(reliability.get(key, 0.0), _reliability(nodes, shares[source]))
        best = sorted(reliability.items(), key=lambda item: (-round(item[1], 9), item[0]))[: self._settings.paths]
        walks = [(score, facts) for facts, score in best]
        return evidence_of_walks(self._index, question, walks, limit, self._settings)

    def _neighbourhood(self, weights: dict[int, float]) -> set[int]:
        """Rows of the entities that a walk from the seeds visits most."""
        if not weights:
            return set()
        offset = len(self._index.entity_ids)
        seeds = np.zeros(offset + len(self._index.chunk_ids))
        seeds[list(weights)] = list(weights.values())
        visits = self._random_walk.visits(seeds, damping=0.5)[:offset]
        return set(top_rows(visits * VISIT_SCALE, self._settings.reach, above=0.0).tolist())

    def _flow(self, source: int, near: set[int]) -> dict[int, float]:
        """Let a unit flow from a source, level by level.

        Returns:
            For each entity that the flow reaches, the share of what arrives that it passes on to each neighbour: decay
            divided by the number of neighbours, or 0 if less than the threshold would arrive there.
        """
        shares: dict[int, float] = {}
        level = {source: 1.0}
        # One level more than steps, so that nodes at the end of the longest paths have a share, too.
        for _ in range(self._settings.hops + 1):
            arriving: defaultdict[int, float] = defaultdict(float)
            for node, amount in sorted(level.items()):
                neighbours = [other for other, _ in self._neighbours(node, near)]
                share = self._settings.decay / max(len(neighbours), 1)
                if amount * share < self._settings.threshold:
                    shares[node] = 0.0
                    continue
                shares[node] = share
                for other in neighbours:
                    arriving[other] += amount * share
            # Flow does not return to nodes that it has passed, so that a share is fixed when a node is first reached.
            level = {node: amount for node, amount in arriving.items() if node not in shares}
        return shares

    def _paths(self, source: int, target: int, shares: dict[int, float]) -> Iterator[NodePath]:
        """Paths from source to target along the flow, shortest first, none through a node twice."""
        if target not in shares:
            return
        level: list[NodePath] = [((source,), ())]
        for _ in range(self._settings.hops):
            longer: list[NodePath] = []
            for nodes, facts in level:
                if not shares[nodes[-1]]:
                    continue
                for other, fact in self._neighbours(nodes[-1], shares):
                    if other == target:
                        yield (*nodes, other), (*facts, fact)
                    elif other not in nodes:
                        longer.append(((*nodes, other), (*facts, fact)))
            level = longer[: self._settings.walks]  # the number of simple paths is exponential in their length

    def _neighbours(self, node: int, within: Container[int]) -> Iterator[tuple[int, int]]:
        """Rows of the entities that facts join to one, each with the first such fact; none of a hub."""
        graph = self._graph
        first, last = int(graph.starts[node]), int(graph.starts[node + 1])
        if last - first > self._settings.degree:
            return
        seen = {node}
        for other, fact in zip(graph.heads[first:last].tolist(), graph.facts[first:last].tolist(), strict=True):
            if other in within and other not in seen:
                seen.add(other)
                yield other, fact


def _reliability(nodes: tuple[int, ...], shares: dict[int, float]) -> float:
    """Mean of what arrives at the nodes of a path along it, from the unit at its source; in (0, 1].

    Source: Chen et al. 2025, the reliability score of a path, there with the resources of all ways.
    """
    amounts = list(accumulate((shares[node] for node in nodes[:-1]), lambda amount, share: amount * share, initial=1.0))
    return sum(amounts) / len(amounts)
