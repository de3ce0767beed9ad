"""How good, how sure and how steady the communities of a workspace are.

Good: modularity of level 0. Sure: every entity is in a community, on one path from level 0 to a leaf, and the
division is the same in processes with other hash seeds and thread counts. Steady: a small share of the documents is taken
away (their sentences; the facts and entities that stand nowhere else), the rest is divided anew, and the
adjusted Rand index says how alike the two divisions are on the untouched entities: those that no sentence of
the documents names. The same with plain Leiden on level 0 stands beside it, for comparison.

Nothing is written to the workspace, and no model is called.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eval.stats import Interval, intervals
from kg.communities import detect, weighted_edges
from kg.config import CommunityConfig
from kg.schema import Chunk, Community, Document, Entity, Evidence, Fact
from kg.store import GraphStore
from kg.workspace import Workspace
from models.digest import digest
from models.errors import InputError, StoreError
from models.progress import SILENT, Progress

Labels = Mapping[str, Hashable]
"""Entity id to its community."""

_THREADS = ("1", "4")


@dataclass(frozen=True, slots=True)
class EditPlan:
    """What is tried.

    Attributes:
        edits: Number of random edits.
        share: Share of the documents that an edit takes away; one document at least.
        hash_seeds: Hash seeds of Python under which the division is made anew, each with two thread counts.
        seed: Seed of the choice of documents.
    """

    edits: int = 5
    share: float = 0.01
    hash_seeds: int = 2
    seed: int = 0


@dataclass(frozen=True, slots=True)
class LevelCount:
    """One level: how many communities, and how many members the largest and the median one have."""

    level: int
    communities: int
    largest: int
    median: float


@dataclass(frozen=True, slots=True)
class Division:
    """One way to divide, held against the edits.

    Attributes:
        name: "steady" or "leiden": what level 0 is.
        modularity: Of level 0.
        top: Adjusted Rand index on level 0, mean over the edits.
        leaf: The same on the leaves.
    """

    name: str
    modularity: float
    top: Interval
    leaf: Interval


@dataclass(frozen=True, slots=True)
class CommunityQuality:
    """What was measured.

    Attributes:
        entities: Number of entities.
        facts: Number of facts.
        levels: By level.
        coverage: Share of the entities in a community of level 0; 1 is right.
        paths: Whether every entity has exactly one path from level 0 to a leaf.
        digests: Digests of the division, one a process; one distinct value is right.
        untouched: Mean share of the entities that an edit leaves untouched.
        divisions: The workspace's own way first, then the other.
    """

    entities: int
    facts: int
    levels: tuple[LevelCount, ...]
    coverage: float
    paths: bool
    digests: tuple[str, ...]
    untouched: float
    divisions: tuple[Division, ...]


@dataclass(frozen=True, slots=True)
class _Graph:
    entities: tuple[Entity, ...]
    facts: tuple[Fact, ...]


def measure(workspace: Path, plan: EditPlan, progress: Progress = SILENT) -> CommunityQuality:
    """Measure the communities of a workspace.

    Raises:
        InputError: The workspace holds no facts, or only one document.
        StoreError: A process that divides the graph failed.
    """
    with Workspace.open(workspace) as space:
        graph, communities, config = _read(space.store), tuple(space.store.read(Community)), space.config.communities
        document_of = {chunk.id: chunk.document_id for chunk in space.store.read(Chunk)}
        documents = [document.id for document in space.store.read(Document)]
    if not graph.facts or len(documents) < 2:
        raise InputError(
            f"expected a workspace of two documents or more, and facts, but {workspace} holds {len(documents)} "
            f"documents and {len(graph.facts)} facts: index more documents"
        )
    edits = [_edited(graph, document_of, gone) for gone in _choices(documents, plan)]
    untouched = [_untouched(graph, document_of, gone) for gone in _choices(documents, plan)]
    top = labels(communities, leaf=False)
    return CommunityQuality(
        entities=len(graph.entities),
        facts=len(graph.facts),
        levels=_levels(communities),
        coverage=sum(entity.id in top for entity in graph.entities) / len(graph.entities),
        paths=has_one_path_each(communities, {entity.id for entity in graph.entities}),
        digests=_digests(workspace, plan.hash_seeds, progress),
        untouched=float(np.mean([len(each) / len(graph.entities) for each in untouched])),
        divisions=tuple(
            _division(graph, edits, untouched, config.model_copy(update={"steady": steady}), progress)
            for steady in (config.steady, not config.steady)
        ),
    )


def adjusted_rand_index(one: Labels, other: Labels, nodes: Iterable[str]) -> float:
    """How alike two divisions are on some nodes: 1 if equal, about 0 if by chance.

    Source: Hubert and Arabie, Comparing partitions, Journal of Classification 1985.
    Example:
        >>> adjusted_rand_index({"a": 1, "b": 1, "c": 2}, {"a": "x", "b": "x", "c": "y"}, "abc")
        1.0
    """
    pairs = [(one[node], other[node]) for node in nodes]
    together = _pairs(Counter(pairs))
    first, second = _pairs(Counter(a for a, _ in pairs)), _pairs(Counter(b for _, b in pairs))
    chance = first * second / max(_pairs({"all": len(pairs)}), 1)
    most = (first + second) / 2
    return 1.0 if most == chance else (together - chance) / (most - chance)


def labels(communities: Iterable[Community], leaf: bool) -> dict[str, str]:
    """Every entity's community on level 0, or the deepest that it is in."""
    found: dict[str, str] = {}
    for community in sorted(communities, key=lambda row: row.level):
        if leaf or community.level == 0:
            found |= dict.fromkeys(community.entity_ids, community.id)
    return found


def has_one_path_each(communities: Sequence[Community], entity_ids: set[str]) -> bool:
    """Whether the communities are a forest in which every entity goes down one path, from level 0 to a leaf."""
    rows = {row.id: row for row in communities}
    below = Counter((row.parent_id, entity_id) for row in communities for entity_id in row.entity_ids)
    parents = {row.parent_id for row in communities if row.parent_id}
    nested = all(
        rows[row.parent_id].level == row.level - 1 and set(row.entity_ids) <= set(rows[row.parent_id].entity_ids)
        for row in communities
        if row.parent_id
    )
    down = all(below[parent, entity_id] == 1 for parent in parents for entity_id in rows[parent].entity_ids)
    return (
        nested
        and down
        and {entity_id: below["", entity_id] for entity_id in entity_ids} == dict.fromkeys(entity_ids, 1)
    )


def modularity(facts: Iterable[Fact], top: Mapping[str, str]) -> float:
    """Newman's modularity of a division, edges weighted by their number of facts."""
    import networkx as nx

    graph = nx.Graph()
    graph.add_weighted_edges_from(weighted_edges(facts))
    groups: dict[str, set[str]] = {}
    for node in graph:
        groups.setdefault(top[node], set()).add(node)
    return float(nx.community.modularity(graph, groups.values()))


def digest_of_division(workspace: str) -> str:
    """Divide the graph of a workspace anew: the digest of all communities."""
    with Workspace.open(Path(workspace)) as space:
        graph, config = _read(space.store), space.config.communities
    return digest([row.id for row in detect(graph.entities, graph.facts, config)])


def _read(store: GraphStore) -> _Graph:
    return _Graph(tuple(store.read(Entity)), tuple(store.read(Fact)))


def _division(
    graph: _Graph,
    edits: Sequence[_Graph],
    untouched: Sequence[set[str]],
    config: CommunityConfig,
    progress: Progress,
) -> Division:
    name = "steady" if config.steady else "leiden"
    with progress.step(f"divide after edits ({name})", total=1 + len(edits), unit="graphs") as step:
        before = detect(graph.entities, graph.facts, config)
        step.advance()
        values: list[list[float]] = [[], []]
        for edit, nodes in zip(edits, untouched, strict=True):
            after = detect(edit.entities, edit.facts, config)
            for leaf in (False, True):
                values[leaf].append(adjusted_rand_index(labels(before, leaf), labels(after, leaf), sorted(nodes)))
            step.advance()
    top, leaves = intervals(np.array(values))
    return Division(name, modularity(graph.facts, labels(before, leaf=False)), top, leaves)


def _choices(documents: Sequence[str], plan: EditPlan) -> list[set[str]]:
    """The documents that each edit takes away."""
    count = max(1, round(plan.share * len(documents)))
    return [set(random.Random(f"{plan.seed} {edit}").sample(sorted(documents), count)) for edit in range(plan.edits)]


def _edited(graph: _Graph, document_of: Mapping[str, str], gone: set[str]) -> _Graph:
    """The graph without what only the documents say."""

    def kept(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
        return tuple(each for each in evidence if document_of[each.chunk_id] not in gone)

    entities = tuple(replace(row, evidence=kept(row.evidence)) for row in graph.entities if kept(row.evidence))
    there = {row.id for row in entities}
    facts = (replace(row, evidence=kept(row.evidence)) for row in graph.facts if kept(row.evidence))
    return _Graph(entities, tuple(row for row in facts if {row.subject_id, row.object_id} <= there))


def _untouched(graph: _Graph, document_of: Mapping[str, str], gone: set[str]) -> set[str]:
    """Entities of which the documents say nothing."""

    def touches(evidence: Iterable[Evidence]) -> bool:
        return any(document_of[each.chunk_id] in gone for each in evidence)

    touched = {row.id for row in graph.entities if touches(row.evidence)}
    touched |= {end for row in graph.facts if touches(row.evidence) for end in (row.subject_id, row.object_id)}
    return {row.id for row in graph.entities} - touched


def _levels(communities: Iterable[Community]) -> tuple[LevelCount, ...]:
    sizes: dict[int, list[int]] = {}
    for row in communities:
        sizes.setdefault(row.level, []).append(len(row.entity_ids))
    return tuple(
        LevelCount(level, len(each), max(each), float(np.median(each))) for level, each in sorted(sizes.items())
    )


def _digests(workspace: Path, hash_seeds: int, progress: Progress) -> tuple[str, ...]:
    """Divide in a process for every hash seed and thread count."""
    script = "import sys; from eval.community_quality import digest_of_division as d; print(d(sys.argv[1]))"
    settings = [(str(seed), threads) for seed in range(hash_seeds) for threads in _THREADS]
    found = []
    with progress.step("divide in other processes", total=len(settings), unit="processes") as step:
        for seed, threads in settings:
            environment = {
                **os.environ,
                "PYTHONHASHSEED": seed,
                "RAYON_NUM_THREADS": threads,
                "OMP_NUM_THREADS": threads,
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            }
            command = [sys.executable, "-c", script, str(workspace.resolve())]
            ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if ended.returncode:
                raise StoreError(f"a process that divides {workspace} ended with {ended.returncode}: {ended.stderr}")
            found.append(ended.stdout.strip())
            step.advance()
    return tuple(found)


def _pairs(counts: Mapping[Hashable, int]) -> int:
    """Number of pairs within the groups."""
    return sum(count * (count - 1) // 2 for count in counts.values())
