"""How fast communities are found, and how good: ours and the native library beside igraph and leidenalg.

The graph is made up: groups whose sizes follow a power law, four edges of five within a group, the ends drawn by a
popularity that falls with the rank. Each way runs in a process of its own, from a list of edges of named nodes, as a
knowledge base has them, to a group for each node; turning names into numbers counts, where a library needs that. All
optimise modularity with the same number of rounds. `steady` is the division of level 0 that an edit hardly moves
(`kg.communities.steady`): nine runs of the library and what follows from them. A way that takes longer than
`--budget-s` is stopped and says so. leidenalg and igraph are under the GPL: they come with the extra dev alone.

    python -m benchmarks.leiden --edges 1000000
    python -m benchmarks.leiden --edges 10000000 --way native --way igraph --way leidenalg
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from queue import Empty
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory import memory_mib
from benchmarks.results import Figure, add_options, figures_of, record_run
from kg.communities.basins import Edge
from kg.communities.steady import divide
from kg.config import CommunityConfig

ROUNDS = 2
"""Rounds of every way: as many as `kg.communities.steady` lets the library make."""
_UNITS = {"seconds": "s", "peak_mib": "MiB", "communities": "count", "modularity": "share", "of_the_makers": "share"}
_WITHIN = 0.8
_EDGES_A_NODE = 5


@dataclass(frozen=True, slots=True)
class DivisionTiming:
    """What one way found, and what it took.

    Attributes:
        way: Its name in `WAYS`.
        edges: Number of edges.
        seconds: From the list of edges to a group for each node.
        peak_mib: Memory beyond what the edges take.
        communities: Number of groups.
        modularity: Modularity of the groups.
        of_the_makers: Modularity of the groups that the graph was made from.
    """

    way: str
    edges: int
    seconds: float
    peak_mib: int
    communities: int
    modularity: float
    of_the_makers: float


def make_graph(edges: int, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A graph with groups.

    Returns:
        Pairs of nodes, array (edges, 2), sorted, each once; and the group that each node was made in, array (nodes,).
    """
    draw = np.random.default_rng(seed)
    nodes = edges // _EDGES_A_NODE
    sizes = np.minimum(8 * (draw.pareto(1.5, nodes) + 1), 2000).astype(np.int64)
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), nodes)) + 1]
    group = np.repeat(np.arange(len(sizes)), sizes)[:nodes]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    wanted = int(edges * 1.25)  # more than are needed, since pairs that are drawn twice count once
    one = draw.integers(0, nodes, wanted)
    near = starts[group[one]] + (np.minimum(sizes[group[one]], nodes - starts[group[one]]) * draw.random(wanted) ** 2)
    far = nodes * draw.random(wanted) ** 2
    other = np.where(draw.random(wanted) < _WITHIN, near, far).astype(np.int64)
    keys = np.unique(np.minimum(one, other) * nodes + np.maximum(one, other))
    keys = keys[keys // nodes != keys % nodes]  # no edge from a node to itself
    keys = np.sort(draw.choice(keys, min(edges, len(keys)), replace=False))
    return np.stack(np.divmod(keys, nodes), axis=1), group


def name_nodes(pairs: NDArray[np.int64]) -> list[Edge]:
    """The pairs as a knowledge base has them."""
    names = [f"e:{number:09d}" for number in range(int(pairs.max()) + 1)]
    return [(names[one], names[other], 1.0) for one, other in pairs.tolist()]


def steady(edges: list[Edge]) -> dict[str, Any]:
    """Our steady division."""
    return divide(edges, CommunityConfig())


def native(edges: list[Edge]) -> dict[str, Any]:
    """graspologic-native, called directly."""
    import graspologic_native

    _, groups = graspologic_native.leiden(edges, resolution=1.0, iterations=ROUNDS, seed=0)
    return dict(groups)


def of_igraph(edges: list[Edge]) -> dict[str, Any]:
    """igraph's own Leiden."""
    graph = _graph(edges)
    groups = graph.community_leiden("modularity", n_iterations=ROUNDS)
    return dict(zip(graph.vs["name"], groups.membership, strict=True))


def of_leidenalg(edges: list[Edge]) -> dict[str, Any]:
    """The package of the method's authors."""
    import leidenalg

    graph = _graph(edges)
    groups = leidenalg.find_partition(graph, leidenalg.ModularityVertexPartition, n_iterations=ROUNDS, seed=0)
    return dict(zip(graph.vs["name"], groups.membership, strict=True))


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
    Returns:
        In [-0.5, 1].
    Source: Newman and Girvan, Physical Review E 2004, equation 5.
    """
    inside = float((groups[pairs[:, 0]] == groups[pairs[:, 1]]).mean())
    # Share of all ends of edges that lie in each group; its square is expected within it by chance.
    degree = np.bincount(groups[pairs.ravel()], minlength=int(groups.max()) + 1) / (2 * len(pairs))
    return inside - float((degree**2).sum())


def _work(way: str, edges: int, results: Any) -> None:
    pairs, made_in = make_graph(edges)
    named = name_nodes(pairs)
    before = memory_mib("VmRSS")
    began = time.perf_counter()
    group_of = WAYS[way](named)
    seconds = time.perf_counter() - began
    number = {label: position for position, label in enumerate(dict.fromkeys(group_of.values()))}
    groups = np.full(len(made_in), -1)
    groups[[int(node[2:]) for node in group_of]] = [number[label] for label in group_of.values()]
    # A node without an edge is no part of the list; it is a group of its own.
    alone = groups < 0
    groups[alone] = len(number) + np.arange(int(alone.sum()))
    results.put(
        DivisionTiming(
            way,
            len(pairs),
            round(seconds, 2),
            memory_mib("VmHWM") - before,
            len(number),
            round(modularity(pairs, groups), 4),
            round(modularity(pairs, made_in), 4),
        )
    )


def time_way(way: str, edges: int, budget_s: float) -> DivisionTiming | None:
    """One way in a process of its own; None if it took too long or died."""
    # Spawned, not forked: the peak of memory must not contain this process.
    context = get_context("spawn")
    results = context.Queue()
    process = context.Process(target=_work, args=(way, edges, results))
    process.start()
    last = time.monotonic() + budget_s
    timing: DivisionTiming | None = None
    while timing is None and process.is_alive() and time.monotonic() < last:
        try:
            timing = results.get(timeout=1.0)
        except Empty:
            continue
    # It may have ended between the last look and the last check.
    if timing is None and not results.empty():
        timing = results.get()
    process.terminate()
    process.join()
    return timing


def figures(edges: int, timings: Sequence[DivisionTiming]) -> list[Figure]:
    """The figures of a run, by way."""
    recorded: list[Figure] = []
    for timing in timings:
        recorded += figures_of(asdict(timing), _UNITS, edges=edges, way=timing.way)
    return recorded


def main() -> int:
    """Time, print and record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--way", action="append", choices=sorted(WAYS), help="repeat it for several")
    parser.add_argument("--budget-s", type=float, default=600.0)
    parser.add_argument("--json", type=Path, help="also write the rows there")
    add_options(parser)
    arguments = parser.parse_args()
    timings = []
    for way in arguments.way or list(WAYS):
        timing = time_way(way, arguments.edges, arguments.budget_s)
        if timing is None:
            sys.stdout.write(f"{way:10} no result within {arguments.budget_s:.0f} s\n")
            continue
        timings.append(timing)
        sys.stdout.write(
            f"{way:10} {timing.seconds:8.2f} s, {timing.peak_mib:6,} MiB more, {timing.communities:8,} communities, "
            f"modularity {timing.modularity:.4f} (as made {timing.of_the_makers:.4f}), {timing.edges:,} edges\n"
        )
        sys.stdout.flush()
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(timing) for timing in timings], indent=2), encoding="utf-8")
    record_run(arguments, "leiden", figures(arguments.edges, timings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
