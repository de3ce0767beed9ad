"""The `coe` retriever: a chain of explorations, which chooses the graph's next step where it stands.

From the entity that a question names, each step looks up the relations around the walks so far, and keeps those nearest
to what the question says and no earlier step has explained; then it looks up the entities there, and keeps those whose
facts are nearest to the question. A chain ends where no relation explains any more. No language model is asked: the
look-ups by embedding that the authors give their model as candidates decide alone, and what an earlier step explained
is taken off the question's vector instead of being told to the model.

Source: Sanmartin 2024 (KG-RAG), section 3.3, Chain of Explorations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from models.digest import digest
from models.protocols import Vectors
from retrieval.hybrid import HybridSettings
from retrieval.index import GraphIndex
from retrieval.rank import top_rows
from retrieval.steps import MASK, Relations, Steps, Walks, found_walks, named_starts, walk_on, walks_from
from retrieval.types import Retrieved

_MOST = 5000
"""Walks looked at along one path of relations."""


class ExploreSettings(BaseModel):
    """Settings of `coe`.

    Attributes:
        rag: The plain search whose passages fill up.
        hops: Most steps of a chain.
        least_hops: Fewest; the same as `hops` where the number is known.
        relations: Relations kept at each step of a chain.
        chains: Chains that are followed at each step.
        nodes: Entities kept at each step of a chain.
        threshold: Least cosine, of a relation and what is left of the question, that makes a chain longer.
        degree: Most neighbours by one relation, as in `paths`.
        paths: Most walks returned.
        facts: Most facts returned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rag: HybridSettings = HybridSettings()
    hops: int = Field(default=3, ge=1)
    least_hops: int = Field(default=1, ge=1)
    relations: int = Field(default=3, ge=1)
    chains: int = Field(default=5, ge=1)
    nodes: int = Field(default=100, ge=1)
    threshold: float = Field(default=0.2, ge=-1, le=1)
    degree: int = Field(default=500, ge=1)
    paths: int = Field(default=100, ge=1)
    facts: int = Field(default=12, ge=0)


@dataclass(frozen=True, slots=True)
class _Chain:
    """Relations chosen so far, what they explain of the question, what is left of its vector, and the walks."""

    path: Steps
    score: float
    left: Vectors
    walks: Walks


class ExploreRetriever:
    """Walks by look-ups of relations and entities, the facts of these walks, and their passages."""

    name = "coe"
    Settings = ExploreSettings

    def __init__(self, index: GraphIndex, settings: ExploreSettings) -> None:
        self._index = index
        self._settings = settings
        self.digest = digest(self.name, index.digest, settings.model_dump())

    @cached_property
    def _relations(self) -> Relations:
        return Relations(self._index)

    @cached_property
    def _vectors(self) -> Vectors:
        """Array (2 * predicates, dimension): every relation as the question would word it, forwards and backwards."""
        predicates = self._relations.predicates
        texts = [f"{MASK} {each} what" for each in predicates] + [f"what {each} {MASK}" for each in predicates]
        return self._index.encoder.encode(texts, "query")

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find walks from an entity that the question names, and at most `limit` passages; plain ones if it names none.

        A path's score is what its chain explains of the question, and a little for how near its last fact is to it.
        """
        vector = self._index.encode_question(question)
        chains: list[_Chain] = []
        for rows, masked in named_starts(self._index, question):
            if chains := self._explore(rows, self._index.encode_question(masked), vector):
                break
        ends = [(chain.score, walk) for chain in chains for walk in chain.walks.facts.tolist()]
        return found_walks(self._index, question, ends[: self._settings.paths], limit, self._settings)

    def _explore(self, rows: Sequence[int], masked: Vectors, vector: Vectors) -> list[_Chain]:
        """Chains that may end, those that explain most first."""
        chains, ended = [_Chain((), 0.0, masked, walks_from(rows))], list[_Chain]()
        for hop in range(1, self._settings.hops + 1):
            longer = [each for chain in chains for each in self._longer(chain, vector)]
            longer.sort(key=lambda chain: (-round(chain.score, 6), chain.path))
            chains = longer[: self._settings.chains]
            ended += chains if hop >= self._settings.least_hops else []
        return sorted(ended, key=lambda chain: (-round(chain.score, 6), len(chain.path), chain.path))

    def _longer(self, chain: _Chain, vector: Vectors) -> list[_Chain]:
        """A chain with each of the relations that explain most of what is left."""
        found = walk_on(self._relations, chain.path, chain.walks, self._settings.degree, _MOST)
        paths = sorted(found)
        said = self._vectors[[path[-1] for path in paths]]
        cosines = said @ chain.left if paths else np.zeros(0, dtype=np.float32)
        above = self._settings.threshold if len(chain.path) >= self._settings.least_hops else -np.inf
        made = []
        for row in top_rows(cosines, self._settings.relations, above).tolist():
            gain = float(cosines[row]) - self._settings.threshold
            left = chain.left - cosines[row] * said[row]
            kept = self._nearest(found[paths[row]], vector)
            made.append(_Chain(paths[row], chain.score + gain, left, kept))
        return made

    def _nearest(self, walks: Walks, vector: Vectors) -> Walks:
        """The walks whose last fact is nearest to the question, one for each entity."""
        rows = top_rows(self._index.fact_vectors[walks.facts[:, -1]] @ vector, len(walks.facts))
        _, first = np.unique(walks.nodes[rows, -1], return_index=True)
        kept = rows[np.sort(first)][: self._settings.nodes]
        return Walks(walks.nodes[kept], walks.facts[kept])
