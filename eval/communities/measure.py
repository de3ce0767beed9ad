"""How good, how sure and how steady the communities of a workspace are.

Good: modularity of level 0. Sure: every entity is in a community, on one path from level 0 to a leaf, and the
division is the same in processes with other hash seeds and thread counts. Steady: a few of the documents are taken
away (their sentences; the facts and entities that stand nowhere else), the rest is divided anew, and the
adjusted Rand index says how alike the two divisions are on the untouched entities: those that no sentence of
the documents names. The same with plain Leiden on level 0 stands beside it, for comparison.

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

from eval.communities.edits import EditPlan, Graph, choices, untouched_by, without
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
        digests: Digests of the division: the stored one, then one a process; one distinct value is right.
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


def measure(workspace: Path, plan: EditPlan, progress: Progress = SILENT) -> CommunityQuality:
    """Measure the communities of a workspace.

    Raises:
        InputError: The workspace holds no facts, or only one document.
        StoreError: A process that divides the graph failed.
    """
    with Workspace.open(workspace) as space:
        graph, communities, config = Graph.of(space.store), tuple(space.store.read(Community)), space.config.communities
        document_of = {chunk.id: chunk.document_id for chunk in space.store.read(Chunk)}
        documents = [document.id for document in space.store.read(Document)]
    if not graph.facts or len(documents) < 2:
        raise InputError(
            f"expected a workspace of two documents or more, and facts, but {workspace} holds {len(documents)} "
            f"documents and {len(graph.facts)} facts: index more documents"
        )
    edits = [without(graph, document_of, gone) for gone in choices(documents, plan)]
    untouched = [untouched_by(graph, document_of, gone) for gone in choices(documents, plan)]
    top = labels(communities, leaf=False)
    return CommunityQuality(
        entities=len(graph.entities),
        facts=len(graph.facts),
        levels=_levels(communities),
        coverage=sum(entity.id in top for entity in graph.entities) / len(graph.entities),
        paths=has_one_path_each(communities, {entity.id for entity in graph.entities}),
        digests=(_digest(communities), *_digests(workspace, plan.hash_seeds, progress)),
        untouched=float(np.mean([len(each) / len(graph.entities) for each in untouched])),
        divisions=tuple(
            _division(graph, edits, untouched, config.model_copy(update={"steady": steady}), progress)
            for steady in (config.steady, not config.steady)
        ),
    )


def digest_of_division(workspace: str) -> str:
    """Divide the graph of a workspace anew: the digest of all communities."""
    with Workspace.open(Path(workspace)) as space:
        graph, config = Graph.of(space.store), space.config.communities
    return _digest(detect(graph.entities, graph.facts, config))


def _digest(communities: Iterable[Community]) -> str:
    return digest(sorted(row.id for row in communities))


def _division(
    graph: Graph,
    edits: Sequence[Graph],
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


def _levels(communities: Iterable[Community]) -> tuple[LevelCount, ...]:
    sizes: dict[int, list[int]] = {}
    for row in communities:
        sizes.setdefault(row.level, []).append(len(row.entity_ids))
    return tuple(
        LevelCount(level, len(each), max(each), float(np.median(each))) for level, each in sorted(sizes.items())
    )


def _digests(workspace: Path, hash_seeds: int, progress: Progress) -> tuple[str, ...]:
    """Divide in a process for every hash seed and thread count."""
    script = "import sys; from eval.communities.measure import digest_of_division as d; print(d(sys.argv[1]))"
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
