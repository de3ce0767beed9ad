"""Measures the communities of a workspace: quality, reproducibility, stability.

- Quality: modularity of level 0.
- Reproducibility: every entity is in a community, on one path from level 0 to a leaf, and the division is the same in
  processes with other hash seeds and thread counts.
- Stability: a few documents are removed (their sentences, and the facts and entities without other evidence), the rest
  is divided again, and the adjusted Rand index says how alike the two divisions are on the untouched entities: those
  that no sentence of the documents mentions. Plain Leiden on level 0 is measured beside it, for comparison.

Nothing is written to the workspace, and no model is called.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.communities.edits import EditPlan, GraphRows, documents_to_remove, graph_without, untouched_by
from eval.communities.partitions import adjusted_rand_index, has_one_path_each, labels, modularity
from eval.statistics.stats import Interval, intervals
from kg.communities.detect import detect
from kg.config import CommunityConfig
from kg.schema import Chunk, Community, Document
from kg.workspace import Workspace
from models.errors import InputError, StoreError
from models.files.digest import digest
from models.runtime.progress import SILENT, Progress

_THREADS = ("1", "4")
"""Thread counts under which the graph is divided again: a race between threads shows only with more than one."""


@dataclass(frozen=True, slots=True)
class LevelCount:
    """The communities of one level.

    Attributes:
        level: Level, 0 at the top.
        communities: Number of communities.
        largest: Number of members of the largest community.
        median: Median number of members.
    """

    level: int
    communities: int
    largest: int
    median: float


@dataclass(frozen=True, slots=True)
class Division:
    """One way to divide the graph, and how stable it is under edits.

    Attributes:
        name: How level 0 is made: "steady" or "leiden".
        modularity: Modularity of level 0.
        top: Adjusted Rand index on level 0, mean over the edits with its 95 % interval.
        leaf: The same on the leaves.
    """

    name: str
    modularity: float
    top: Interval
    leaf: Interval


@dataclass(frozen=True, slots=True)
class CommunityQuality:
    """How good, reproducible and stable the communities of a workspace are.

    Attributes:
        entities: Number of entities.
        facts: Number of facts.
        levels: Counts of communities, a level each.
        coverage: Share of the entities in a community of level 0; it should be 1.
        paths: Whether every entity has exactly one path from level 0 to a leaf.
        digests: Digests of the division: the stored one, then one a process; all should be equal.
        untouched: Mean share of the entities that an edit leaves untouched.
        divisions: The workspace's own way of dividing first, then the other.
    """

    entities: int
    facts: int
    levels: tuple[LevelCount, ...]
    coverage: float
    paths: bool
    digests: tuple[str, ...]
    untouched: float
    divisions: tuple[Division, ...]


def measure_communities(workspace: Path, plan: EditPlan, progress: Progress = SILENT) -> CommunityQuality:
    """Measure the communities of a workspace.

    Raises:
        InputError: The workspace holds no facts, or only one document.
        StoreError: A process that divides the graph failed.
    """
    with Workspace.open(workspace) as space:
        graph, communities = GraphRows.of(space.store), tuple(space.store.read(Community))
        config = space.config.communities
        document_of = {chunk.id: chunk.document_id for chunk in space.store.read(Chunk)}
        documents = [document.id for document in space.store.read(Document)]
    if not graph.facts or len(documents) < 2:
        raise InputError(
            f"Expected a workspace of two documents or more, with facts, but {workspace} holds {len(documents)} "
            f"documents and {len(graph.facts)} facts. Index more documents."
        )
    removals = documents_to_remove(documents, plan)
    edited = [graph_without(graph, document_of, removed) for removed in removals]
    untouched = [untouched_by(graph, document_of, removed) for removed in removals]
    divisions = []
    for steady in (config.steady, not config.steady):
        other = config.model_copy(update={"steady": steady})
        divisions.append(_division(graph, edited, untouched, other, progress))
    top = labels(communities, leaf=False)
    return CommunityQuality(
        entities=len(graph.entities),
        facts=len(graph.facts),
        levels=_levels(communities),
        coverage=sum(entity.id in top for entity in graph.entities) / len(graph.entities),
        paths=has_one_path_each(communities, {entity.id for entity in graph.entities}),
        digests=(_digest(communities), *_digests_of_processes(workspace, plan.hash_seeds, progress)),
        untouched=float(np.mean([len(entity_ids) / len(graph.entities) for entity_ids in untouched])),
        divisions=tuple(divisions),
    )


def digest_of_division(workspace: str) -> str:
    """Divide the graph of a workspace again: the digest of all communities."""
    with Workspace.open(Path(workspace)) as space:
        graph, config = GraphRows.of(space.store), space.config.communities
    return _digest(detect(graph.entities, graph.facts, config))


def _digest(communities: Iterable[Community]) -> str:
    """Digest of a division; a community's id is made from its members, so ids are enough."""
    return digest(sorted(community.id for community in communities))


def _division(
    graph: GraphRows,
    edited: Sequence[GraphRows],
    untouched: Sequence[set[str]],
    config: CommunityConfig,
    progress: Progress,
) -> Division:
    """Divide the graph and each edited graph in one way, and compare on the entities that the edit left untouched."""
    name = "steady" if config.steady else "leiden"
    with progress.step(f"divide after edits ({name})", total=1 + len(edited), unit="graphs") as step:
        before = detect(graph.entities, graph.facts, config)
        step.advance()
        on_top: list[float] = []
        on_leaves: list[float] = []
        for rest, entity_ids in zip(edited, untouched, strict=True):
            after = detect(rest.entities, rest.facts, config)
            for leaf, scores in ((False, on_top), (True, on_leaves)):
                scores.append(adjusted_rand_index(labels(before, leaf), labels(after, leaf), sorted(entity_ids)))
            step.advance()
    top, leaves = intervals(np.array([on_top, on_leaves]))
    return Division(name, modularity(graph.facts, labels(before, leaf=False)), top, leaves)


def _levels(communities: Iterable[Community]) -> tuple[LevelCount, ...]:
    sizes: dict[int, list[int]] = {}
    for community in communities:
        sizes.setdefault(community.level, []).append(len(community.entity_ids))
    counts = []
    for level, members in sorted(sizes.items()):
        counts.append(LevelCount(level, len(members), max(members), float(np.median(members))))
    return tuple(counts)


def _digests_of_processes(workspace: Path, hash_seeds: int, progress: Progress) -> tuple[str, ...]:
    """Divide in a process for every hash seed and thread count: neither can be changed inside a running process."""
    script = "import sys; from eval.communities.measure import digest_of_division as d; print(d(sys.argv[1]))"
    settings = [(str(seed), threads) for seed in range(hash_seeds) for threads in _THREADS]
    digests = []
    with progress.step("divide in other processes", total=len(settings), unit="processes") as step:
        for seed, threads in settings:
            environment = {
                **os.environ,
                "PYTHONHASHSEED": seed,
                "RAYON_NUM_THREADS": threads,
                "OMP_NUM_THREADS": threads,
                # The child must import the same code, also where the parent got it from sys.path alone.
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            }
            command = [sys.executable, "-c", script, str(workspace.resolve())]
            ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if ended.returncode:
                raise StoreError(
                    f"Expected a process that divides {workspace} to end with 0, but it ended with "
                    f"{ended.returncode}: {ended.stderr.strip()}."
                )
            digests.append(ended.stdout.strip())
            step.advance()
    return tuple(digests)
