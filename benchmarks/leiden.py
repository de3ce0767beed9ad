"""How fast communities are found, and how good: ours and the native library beside igraph and leidenalg.

The graph is made up: groups whose sizes follow a power law, four edges of five within a group, the ends drawn by a
popularity that falls with the rank. Each way runs in a process of its own, from a list of edges of named nodes, as a
knowledge base has them, to a group for each node; what a library needs to turn names to numbers counts. All optimise
modularity with as many rounds. `steady` is the division of level 0 that an edit hardly moves (`kg.communities.steady`):
nine runs of the library and what follows from them. A way that takes longer than `--budget-s` is stopped and says so.
leidenalg and igraph are under the GPL: they come with the extra dev alone.

    python -m benchmarks.leiden --edges 1000000
    python -m benchmarks.leiden --edges 10000000 --way native --way igraph --way leidenalg
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from queue import Empty
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory import memory_mib
from kg.communities.basins import Edge
from kg.communities.steady import divide
from kg.config import CommunityConfig

ROUNDS = 2
"""As many as `kg.communities.steady` lets the library make."""
_WITHIN = 0.8
_EDGES_A_NODE = 5


@dataclass(frozen=True, slots=True)
class Divided:
    """What one way found, and what it took."""

    way: str
    edges: int
    seconds: float
    peak_mib: int
    communities: int
    modularity: float
    of_the_makers: float
    """Modularity of the groups that the graph was made from."""


def made(edges: int, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of nodes, array (edges, 2), sorted, each once; and the group that each node was made in."""
    draw = np.random.default_rng(seed)
    nodes = edges // _EDGES_A_NODE
    sizes = np.minimum(8 * (draw.pareto(1.5, nodes) + 1), 2000).astype(np.int64)
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), nodes)) + 1]
    group = np.repeat(np.arange(len(sizes)), sizes)[:nodes]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    wanted = int(edges * 1.25)
    one = draw.integers(0, nodes, wanted)
    near = starts[group[one]] + (np.minimum(sizes[group[one]], nodes - starts[group[one]]) * draw.random(wanted) ** 2)
    far = nodes * draw.random(wanted) ** 2
    other = np.where(draw.random(wanted) < _WITHIN, near, far).astype(np.int64)
    keys = np.unique(np.minimum(one, other) * nodes + np.maximum(one, other))
    keys = keys[keys // nodes != keys % nodes]
    keys = np.sort(draw.choice(keys, min(edges, len(keys)), replace=False))
    return np.stack(np.divmod(keys, nodes), axis=1), group


def named(pairs: NDArray[np.int64]) -> list[Edge]:
    """The pairs as a knowledge base has them."""
    names = [f"e:{number:09d}" for number in range(int(pairs.max()) + 1)]
    return [(names[one], names[other], 1.0) for one, other in pairs.tolist()]


def steady(edges: list[Edge]) -> dict[str, Any]:
    """Ours."""
    return divide(edges, CommunityConfig())


def native(edges: list[Edge]) -> dict[str, Any]:
    """graspologic-native, called directly."""
    import graspologic_native

    _, found = graspologic_native.leiden(edges, resolution=1.0, iterations=ROUNDS, seed=0)
    return dict(found)


def of_igraph(edges: list[Edge]) -> dict[str, Any]:
    """igraph's own Leiden."""
    graph = _graph(edges)
    found = graph.community_leiden("modularity", n_iterations=ROUNDS)
    return dict(zip(graph.vs["name"], found.membership, strict=True))


def of_leidenalg(edges: list[Edge]) -> dict[str, Any]:
    """The package of the method's authors."""
    import leidenalg

    graph = _graph(edges)
    found = leidenalg.find_partition(graph, leidenalg.ModularityVertexPartition, n_iterations=ROUNDS, seed=0)
    return dict(zip(graph.vs["name"], found.membership, strict=True))


def _graph(edges: list[Edge]) -> Any:
    import igraph

    numbers: dict[str, int] = {}
    pairs = [
        (numbers.setdefault(one, len(numbers)), numbers.setdefault(other, len(numbers))) for one, other, _ in edges
    ]
    graph = igraph.Graph(len(numbers), pairs)
    graph.vs["name"] = list(numbers)
    return graph


WAYS: dict[str, Callable[[list[Edge]], dict[str, Any]]] = {
    "steady": steady,
    "native": native,
    "igraph": of_igraph,
    "leidenalg": of_leidenalg,
}


def modularity(pairs: NDArray[np.int64], groups: NDArray[np.int64]) -> float:
    """Newman's modularity of a division, at resolution 1; the same code for all ways.

    Args:
        pairs: Array (edges, 2) of nodes.
        groups: Array (nodes,).
    """
    inside = float((groups[pairs[:, 0]] == groups[pairs[:, 1]]).mean())
    degree = np.bincount(groups[pairs.ravel()], minlength=int(groups.max()) + 1) / (2 * len(pairs))
    return inside - float((degree**2).sum())


def _work(way: str, edges: int, results: Any) -> None:
    pairs, made_in = made(edges)
    listed = named(pairs)
    before = memory_mib("VmRSS")
    began = time.perf_counter()
    found = WAYS[way](listed)
    seconds = time.perf_counter() - began
    number = {label: place for place, label in enumerate(dict.fromkeys(found.values()))}
    groups = np.full(len(made_in), -1)
    groups[[int(node[2:]) for node in found]] = [number[label] for label in found.values()]
    alone = groups < 0
    groups[alone] = len(number) + np.arange(int(alone.sum()))
    results.put(
        Divided(
            way,
            len(pairs),
            round(seconds, 2),
            memory_mib("VmHWM") - before,
            len(number),
            round(modularity(pairs, groups), 4),
            round(modularity(pairs, made_in), 4),
        )
    )


def measure(way: str, edges: int, budget_s: float) -> Divided | None:
    """One way in a process of its own; None if it took too long or died."""
    context = get_context("spawn")
    results = context.Queue()
    process = context.Process(target=_work, args=(way, edges, results))
    process.start()
    last = time.monotonic() + budget_s
    found: Divided | None = None
    while found is None and process.is_alive() and time.monotonic() < last:
        try:
            found = results.get(timeout=1.0)
        except Empty:
            continue
    if found is None and not results.empty():
        found = results.get()
    process.terminate()
    process.join()
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--way", action="append", choices=sorted(WAYS), help="may be given again")
    parser.add_argument("--budget-s", type=float, default=600.0)
    parser.add_argument("--json", type=Path, help="also write the rows there")
    asked = parser.parse_args()
    rows = []
    for way in asked.way or list(WAYS):
        found = measure(way, asked.edges, asked.budget_s)
        if found is None:
            sys.stdout.write(f"{way:10} no result within {asked.budget_s:.0f} s\n")
            continue
        rows.append(found)
        sys.stdout.write(
            f"{way:10} {found.seconds:8.2f} s, {found.peak_mib:6,} MiB more, {found.communities:8,} communities, "
            f"modularity {found.modularity:.4f} (as made {found.of_the_makers:.4f}), {found.edges:,} edges\n"
        )
        sys.stdout.flush()
    if asked.json:
        asked.json.write_text(json.dumps([asdict(row) for row in rows], indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
