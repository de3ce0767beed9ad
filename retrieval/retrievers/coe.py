"""The `coe` retriever: a chain of explorations, which chooses the graph's next step where it stands.

From the entity that a question names, each step looks up the relations around the walks so far, and keeps those nearest
to what the question says and no earlier step has explained; then it looks up the entities there, and keeps those whose
facts are nearest to the question. A chain ends where no relation explains any more. No language model is asked: the
look-ups by embedding that the authors give their model as candidates decide alone, and what an earlier step explained
is taken off the question's vector instead of being told to the model. With example questions, look-ups of relations
learn which step questions mean at which place, and which chains are over: those that fit a question as a whole.

Source: Sanmartin 2024 (KG-RAG), section 3.3, Chain of Explorations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from pydantic import Field

from models.protocols import Vectors
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import top_rows
from retrieval.traversal.planner import Look, Taught, TaughtSettings
from retrieval.traversal.steps import MASK, Steps, Walks, found_walks, named_starts, walk_on, walks_from
from retrieval.types import Retrieved

_MOST = 5000
"""Walks looked at along one path of relations."""


class ExploreSettings(TaughtSettings):
    """Settings of `coe`, beside those it has in common with `paths`.

    Attributes:
        relations: Relations kept at each step of a chain.
        chains: Chains that are followed at each step.
        nodes: Entities kept at each step of a chain.
        threshold: Least cosine, of a relation and what is left of the question, that makes a chain longer; without
            effect where there are example questions.
    """

    relations: int = Field(default=3, ge=1)
    chains: int = Field(default=5, ge=1)
    nodes: int = Field(default=100, ge=1)
    threshold: float = Field(default=0.2, ge=-1, le=1)


@dataclass(frozen=True, slots=True)
class _Chain:
    """Relations chosen so far, what they explain of the question, what is left of its vector, and the walks."""

    path: Steps
    score: float
    left: Vectors
    walks: Walks


class ExploreRetriever(Taught):
    """Walks by look-ups of relations and entities, the facts of these walks, and their passages."""

    name = "coe"
    Settings = ExploreSettings

    def __init__(self, index: GraphIndex, settings: ExploreSettings) -> None:
        super().__init__(index, settings)
        self._settings = settings

    @cached_property
    def _vectors(self) -> Vectors:
        """Array (2 * predicates, dimension): every relation as the question would word it, forwards and backwards."""
        predicates = self._relations.predicates
        texts = [f"{MASK} {each} what" for each in predicates] + [f"what {each} {MASK}" for each in predicates]
        return self._index.encoder.encode(texts, "query")

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find walks from an entity that the question names, and at most `limit` passages; plain ones if it names none.

        A path's score is what its chain explains of the question, or how well it fits where look-ups have learnt from
        examples; of one chain, paths whose last fact is nearest to the question come first.
        """
        vector = self._index.encode_question(question)
        chains: list[_Chain] = []
        for rows, masked in named_starts(self._index, question):
            if chains := self._explore(rows, masked, vector):
                break
        ends = [(chain.score, walk) for chain in chains for walk in chain.walks.facts.tolist()]
        return found_walks(self._index, question, ends[: self._settings.paths], limit, self._settings)

    def _explore(self, rows: Sequence[int], masked: str, vector: Vectors) -> list[_Chain]:
        """Chains that may end, those that explain most first."""
        look = self._learnt.look(masked) if self._learnt else None
        chains = [_Chain((), 0.0, self._index.encode_question(masked), walks_from(rows))]
        ended: list[_Chain] = []
        for hop in range(1, self._settings.hops + 1):
            longer = [each for chain in chains for each in self._longer(chain, vector, look)]
            longer.sort(key=lambda chain: (-round(chain.score, 6), chain.path))
            chains = longer[: self._settings.chains]
            if hop >= self._settings.least_hops:
                ended += chains
        if look:
            fits = look.fit([chain.path for chain in ended]).tolist()
            ended = [replace(chain, score=fit) for chain, fit in zip(ended, fits, strict=True)]
        return sorted(ended, key=lambda chain: (-round(chain.score, 6), len(chain.path), chain.path))

    def _longer(self, chain: _Chain, vector: Vectors, look: Look | None) -> list[_Chain]:
        """A chain with each of the relations that explain most of what is left, or are likeliest."""
        found = walk_on(self._relations, chain.path, chain.walks, self._settings.degree, _MOST)
        paths = sorted(found)
        said = self._vectors[[path[-1] for path in paths]]
        if look:
            gains = np.array([look.step(len(chain.path), path[-1]) for path in paths])
        else:
            gains = said @ chain.left - self._settings.threshold if paths else np.zeros(0, dtype=np.float32)
        must_gain = look is None and len(chain.path) >= self._settings.least_hops
        made = []
        for row in top_rows(gains, self._settings.relations, 0.0 if must_gain else -np.inf).tolist():
            left = chain.left - (said[row] @ chain.left) * said[row]
            kept = self._nearest(found[paths[row]], vector)
            made.append(_Chain(paths[row], chain.score + float(gains[row]), left, kept))
        return made

    def _nearest(self, walks: Walks, vector: Vectors) -> Walks:
        """The walks whose last fact is nearest to the question, one for each entity."""
        rows = top_rows(self._index.fact_vectors[walks.facts[:, -1]] @ vector, len(walks.facts))
        _, first = np.unique(walks.nodes[rows, -1], return_index=True)
        kept = rows[np.sort(first)][: self._settings.nodes]
        return Walks(walks.nodes[kept], walks.facts[kept])
