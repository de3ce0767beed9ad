"""The `coe` retriever: a chain of explorations, which chooses the graph's next step where it stands.

From the entity that a question names, each step looks up the relations around the walks so far, and keeps those nearest
to what the question says and no earlier step has explained; then it looks up the entities there, and keeps those whose
facts are nearest to the question. A chain ends where no relation explains any more. No language model is asked: the
look-ups by embedding that the authors give their model as candidates decide alone, and what an earlier step explained
is taken off the question's vector instead of being told to the model.

Here is also what `retrieval.paths` shares with it: the graph as steps, and the entities that a question starts from.

Source: Sanmartin 2024 (KG-RAG), section 3.3, Chain of Explorations.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from kg.schema import Entity, Fact
from models.digest import digest
from models.protocols import Vectors
from retrieval.hybrid import HybridSettings, rank_hybrid
from retrieval.index import GraphIndex
from retrieval.rank import Scored, top_rows
from retrieval.types import FoundFact, Passage, Path, Retrieved

BACKWARDS = "^"
MASK = "X"
"""Stands in a question where the name of its entity stood."""

Steps = tuple[int, ...]
"""A path of relations: numbers of predicates; that of one walked backwards is higher by their count."""
Rows = NDArray[np.int64]


class Relations:
    """The facts of an index as edges that can be walked either way, sorted by entity, relation and neighbour.

    Attributes:
        predicates: In the order of their numbers.
        starts: Array (entities + 1,): where the edges of each entity begin.
        steps: Array (2 * facts,): the relation of each edge; likewise `heads`, entity rows, and `facts`, fact rows.
        places: Array (2 * facts,): of each edge among those of the same entity and relation, from 0.
        sizes: Array (2 * facts,): how many these are.
    """

    def __init__(self, index: GraphIndex) -> None:
        of_fact = {fact.id: fact.predicate for fact in index.store.read(Fact)}
        said = [of_fact[key.decode("ascii")] for key in index.fact_ids.tolist()]
        self.predicates = sorted(set(said))
        number = {predicate: place for place, predicate in enumerate(self.predicates)}
        forward = np.array([number[predicate] for predicate in said], dtype=np.int64)
        ends = index.fact_ends.astype(np.int64)
        tails = np.concatenate([ends[:, 0], ends[:, 1]])
        heads, rows = np.concatenate([ends[:, 1], ends[:, 0]]), np.tile(np.arange(len(ends)), 2)
        steps = np.concatenate([forward, forward + len(self.predicates)])
        order = np.lexsort((rows, heads, steps, tails))
        self.steps, self.heads, self.facts = steps[order], heads[order], rows[order]
        self.starts: Rows = np.searchsorted(tails[order], np.arange(len(index.entity_ids) + 1))
        same = tails[order] * (2 * len(self.predicates)) + self.steps
        _, first, place, counts = np.unique(same, return_index=True, return_inverse=True, return_counts=True)
        self.places: Rows = np.arange(len(same)) - first[place]
        self.sizes: Rows = counts[place]

    def named(self, path: Steps) -> tuple[str, ...]:
        """A path in words."""
        count = len(self.predicates)
        return tuple(f"{BACKWARDS if step >= count else ''}{self.predicates[step % count]}" for step in path)

    def numbered(self, path: Sequence[str]) -> Steps | None:
        """A path from its words; None if the graph has no such relation."""
        number = {predicate: place for place, predicate in enumerate(self.predicates)}
        bare = [name.removeprefix(BACKWARDS) for name in path]
        if not all(name in number for name in bare):
            return None
        back = (len(number) * name.startswith(BACKWARDS) for name in path)
        return tuple(number[name] + extra for name, extra in zip(bare, back, strict=True))


@dataclass(frozen=True, slots=True)
class Walks:
    """Walks along one path of relations: entity rows, array (n, steps + 1), and fact rows, array (n, steps)."""

    nodes: Rows
    facts: Rows


def walks_from(rows: Sequence[int]) -> Walks:
    """Walks of no step, one for each entity row."""
    return Walks(np.array(rows, dtype=np.int64)[:, None], np.zeros((len(rows), 0), dtype=np.int64))


def walk_on(relations: Relations, path: Steps, walks: Walks, degree: int, most: int) -> dict[Steps, Walks]:
    """All walks one step longer, by path; none visits an entity twice.

    Args:
        relations: The graph.
        path: That the walks have followed.
        walks: Those to make longer.
        degree: Most neighbours by one relation: the first step follows the first of them, later ones leave a relation
            out that has more, since a hub says little of what leads through it.
        most: Walks kept of each new path, the first of them.
    """
    ends = walks.nodes[:, -1]
    counts = relations.starts[ends + 1] - relations.starts[ends]
    origin = np.repeat(np.arange(len(ends)), counts)
    edges = np.arange(len(origin)) + np.repeat(relations.starts[ends] - (np.cumsum(counts) - counts), counts)
    bound = relations.sizes if path else relations.places + 1
    new = (walks.nodes[origin] != relations.heads[edges][:, None]).all(axis=1) & (bound[edges] <= degree)
    origin, edges = origin[new], edges[new]
    order = np.argsort(relations.steps[edges], kind="stable")
    steps, first = np.unique(relations.steps[edges][order], return_index=True)
    found = {}
    for step, part in zip(steps.tolist(), np.split(order, first[1:]), strict=True) if len(steps) else ():
        some = part[:most]
        nodes = np.column_stack([walks.nodes[origin[some]], relations.heads[edges[some]]])
        found[*path, step] = Walks(nodes, np.column_stack([walks.facts[origin[some]], relations.facts[edges[some]]]))
    return found


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


class Returned(Protocol):
    """What both retrievers let a user set of their answer."""

    rag: HybridSettings
    facts: int


def found_walks(
    index: GraphIndex, question: str, walks: Sequence[tuple[float, Sequence[int]]], limit: int, settings: Returned
) -> Retrieved:
    """Walks as a retriever returns them.

    Args:
        index: The graph.
        question: Its words.
        walks: Scores, and the fact rows of each walk, best first.
        limit: Most passages: those that hold the walks' facts, then plain RAG's.
        settings: Plain search and number of facts.
    """
    ids = [(score, [index.fact_ids[row].decode("ascii") for row in rows]) for score, rows in walks]
    best: dict[str, float] = {}
    for score, keys in ids:
        for key in keys:
            best.setdefault(key, score)
    facts = {fact.fact_id: fact for fact in index.facts([Scored(key, score) for key, score in best.items()])}
    paths = tuple(Path(tuple(facts[key] for key in keys), score) for score, keys in ids)
    passages = _with_evidence(index, question, list(facts.values()), limit, settings.rag)
    return Retrieved(passages, tuple(facts.values())[: settings.facts], paths=paths)


def named_starts(index: GraphIndex, question: str) -> list[tuple[list[int], str]]:
    """Entities that a question names, the longest name first, each with the question in which the name is masked.

    Of entities of one name in different case, those named as the question writes it, where there are any.

    Returns:
        Entity rows of one name, and the masked question.
    """
    rows = sorted(index.search.named_entities(question))
    entities = index.store.read(Entity, [index.entity_ids[row].decode("ascii") for row in rows])
    row_of = {index.entity_ids[row].decode("ascii"): row for row in rows}
    spans: defaultdict[tuple[int, int], list[tuple[bool, int]]] = defaultdict(list)
    for entity in entities:
        span, exact = _span(question, (entity.name, *entity.aliases))
        spans[span].append((exact, row_of[entity.id]))
    starts = []
    for (start, end), found in sorted(spans.items(), key=lambda each: (each[0][0] - each[0][1], each[0])):
        best = max(exact for exact, _ in found)
        masked = f"{question[:start]}{MASK}{question[end:]}" if end else question
        starts.append(([row for exact, row in found if exact == best], masked))
    return starts


def _span(question: str, names: Sequence[str]) -> tuple[tuple[int, int], bool]:
    """Where the longest of the names stands, and whether in the same case; (0, 0) where none is there word for word."""
    for name in sorted(names, key=lambda each: (-len(each), each)):
        for text, exact in ((question, True), (question.lower(), False)):
            match = re.search(rf"(?<!\w){re.escape(name if exact else name.lower())}(?!\w)", text)
            if match and len(text) == len(question):
                return match.span(), exact
    return (0, 0), False


def _with_evidence(
    index: GraphIndex, question: str, facts: Sequence[FoundFact], limit: int, rag: HybridSettings
) -> tuple[Passage, ...]:
    """At most `limit` passages: those that hold the evidence of facts, in their order, then plain RAG's."""
    held = dict.fromkeys(fact.chunk_id for fact in facts if index.has_chunk(fact.chunk_id))
    found = [Scored(chunk_id, 1.0 + 1.0 / place) for place, chunk_id in enumerate(held, 1)][:limit]
    if len(found) < limit:
        plain = rank_hybrid(index, question, index.encode_question(question), limit, rag)
        found += [item for item in plain if item.id not in held]
    return index.passages(found[:limit])
