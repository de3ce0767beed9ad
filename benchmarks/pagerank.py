"""Milliseconds of a personalised PageRank: `retrieval.pagerank.push` beside whole-graph iteration and two peers.

The graph and the queries are made up (`benchmarks.pagerank_graph`). Each way runs in a process of its own and opens the
same memory-mapped arrays. L1 and top 20 are against an iteration to 1e-12; a node is in the top 20 if it is visited as
much as the 20th. Some ways halve their setting until their L1 is that of our push or less, or until trying has taken
`--budget-s`; slow ones stop after that time. Queries are timed when they come the second time. CPU is that of the
process; peak that of its resident memory, mapped pages included. Both peers come with the extra dev. Figures are
recorded by `benchmarks.results`.

    python -m benchmarks.pagerank --edges 1000000
    python -m benchmarks.pagerank --edges 10000000 --queries 20 --json pagerank.json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import triu

from benchmarks.memory import memory_mib
from benchmarks.pagerank_graph import make_graph, seeds, true_visits
from benchmarks.pagerank_ways import DAMPING, WAYS, Visits
from benchmarks.results import Figure, add_options, figures_of, record_run
from retrieval.index import arrays
from retrieval.pagerank.exact import transition

_TOP = 20
_PROBED = 3
"""Queries that choose the setting of a way that is to equal the first one's error."""
_PLAN = (
    ("push", "push", 0.0, False),
    ("iteration at the push's error", "iteration", 1.0, True),
    ("networkit at the push's error", "networkit", 1e-5, True),
    ("push to 1e-8", "push", 1e-8, False),
    ("iteration to 1e-8", "iteration", 1e-8, False),
    ("igraph", "igraph", 0.0, False),
)
"""Rows in order: name, way, first setting, and whether the way is to equal the error of the first."""
_UNITS = {
    "p50_ms": "ms", "p95_ms": "ms", "cpu_p95_ms": "ms", "l1": "", "top": "share", "open_s": "s", "peak_mib": "MiB",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WalkTiming:
    """One way of walking with its setting (`benchmarks.pagerank_ways`); times are of a query.

    Attributes:
        name: Row of `_PLAN`.
        queries: Queries that were timed.
        p50_ms: Median of the time on the clock.
        p95_ms: 95th percentile of it.
        cpu_p95_ms: 95th percentile of the processor's time.
        l1: Mean L1 error.
        top: Mean share of the best nodes that are among the truly best.
        open_s: Seconds to open the graph.
        peak_mib: Peak of the resident memory.
        setting: The setting that was timed.
    """

    name: str
    queries: int
    p50_ms: float
    p95_ms: float
    cpu_p95_ms: float
    l1: float
    top: float
    open_s: float
    peak_mib: int
    setting: float


def write(folder: Path, arguments: argparse.Namespace) -> None:
    """Write the graph as an index keeps it, its edges as the peers take them, the queries and their true visits."""
    adjacency, entities = make_graph(arguments.edges)
    degree = np.asarray(adjacency.sum(axis=0)).ravel()
    step = transition(adjacency)
    queries = list(seeds(degree, entities, arguments.queries, arguments.entities == "popular"))
    half = triu(adjacency).tocoo()
    with arrays.new_folder(folder) as out:
        for part, values in (("indptr", step.indptr), ("indices", step.indices), ("data", step.data)):
            out.put(f"step_{part}", values)
        for name, values in (("degree", degree), ("ones", half.row), ("others", half.col), ("weights", half.data)):
            out.put(name, values)
        out.table("queries", [[rows.tolist(), weights.tolist()] for rows, weights in queries])
        # Ten queries at a time: an array (nodes, 10) of float64 is 160 MB at 10 M edges.
        blocks = [true_visits(step, queries[first : first + 10], DAMPING) for first in range(0, len(queries), 10)]
        out.put("truth", np.concatenate(blocks))


def compare(visits: Visits, true: NDArray[Any]) -> tuple[float, float]:
    """L1 error, and the share of the best nodes that are among the truly best.

    Args:
        visits: Rows that a way reached, with their visit probabilities.
        true: Array (nodes,), float64, which sums to 1.
    """
    rows, values = visits
    best = rows[np.argsort(-values)[:_TOP]]
    # Nodes that tie with the 20th count as among the best; 1e-9 is for the rounding of equal sums.
    threshold = np.partition(true, -_TOP)[-_TOP] * (1 - 1e-9)
    # Rows that were not reached have an error of their whole true value: 1 less those that were.
    unreached = 1.0 - true[rows].sum()
    return float(np.abs(values - true[rows]).sum() + unreached), float((true[best] >= threshold).mean())


def time_way(name: str, way: str, folder: Path, setting: float, equal_to: float, budget_s: float) -> WalkTiming:
    """Time one way, in a process of its own; with `equal_to`, an L1, its setting is halved until that is reached."""
    graph, tables = arrays.read(folder)
    queries = [(np.array(rows), np.array(weights)) for rows, weights in tables["queries"]]
    began = time.perf_counter()
    run_query = WAYS[way](folder)
    open_s = time.perf_counter() - began
    last = time.perf_counter() + budget_s
    for query in queries:  # the first time compiles, and maps pages
        run_query(*query, setting)
        if time.perf_counter() > last:
            break
    probed = list(zip(queries, graph["truth"], strict=True))[:_PROBED]
    last = time.perf_counter() + (budget_s if equal_to else 0)
    while time.perf_counter() < last:
        if np.mean([compare(run_query(*query, setting), true)[0] for query, true in probed]) <= equal_to:
            break
        setting /= 2
    wall, cpu, errors, tops = [], [], [], []
    for query, true in zip(queries, graph["truth"], strict=True):
        wall_began, cpu_began = time.perf_counter(), time.process_time()
        visits = run_query(*query, setting)
        cpu.append(time.process_time() - cpu_began)
        wall.append(time.perf_counter() - wall_began)
        error, top = compare(visits, true)
        errors.append(error)
        tops.append(top)
        if sum(wall) > budget_s:
            break
    quantiles = (*np.percentile(wall, (50, 95)), np.percentile(cpu, 95))
    p50, p95, cpu_p95 = (round(1e3 * float(seconds), 3) for seconds in quantiles)
    l1, top = float(np.mean(errors)), float(np.mean(tops))
    return WalkTiming(name, len(wall), p50, p95, cpu_p95, l1, top, round(open_s, 3), memory_mib("VmHWM"), setting)


def time_all(folder: Path, budget_s: float) -> Iterator[WalkTiming]:
    """All ways, each in a process of its own, so that the peak of memory is the way's."""
    push_l1 = 0.0
    for name, way, setting, is_equalled in _PLAN:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            equal_to = push_l1 if is_equalled else 0.0
            timing = pool.submit(time_way, name, way, folder, setting, equal_to, budget_s).result()
        push_l1 = push_l1 or timing.l1
        yield timing


def figures(arguments: argparse.Namespace, timings: Sequence[WalkTiming]) -> list[Figure]:
    """The figures of a run, by way."""
    recorded: list[Figure] = []
    for timing in timings:
        recorded += figures_of(asdict(timing), _UNITS, edges=arguments.edges, seeds=arguments.entities, way=timing.name)
    return recorded


def main() -> int:
    """Time, print and record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--entities", choices=("popular", "even"), default="popular", help="how seeds are drawn")
    parser.add_argument("--budget-s", type=float, default=20.0, help="a way stops once its queries took this long")
    parser.add_argument("--json", type=Path, help="also write the rows there")
    add_options(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="graft-bench-") as parent:
        folder = Path(parent, "graph")
        write(folder, arguments)
        sys.stderr.write("Graph, queries and their true visits are made.\n")
        timings = list(time_all(folder, arguments.budget_s))
    names = ("queries", "p50 ms", "p95 ms", "cpu p95", "L1", "top 20", "open s", "peak MiB")
    sys.stdout.write(f"{'':40}" + "".join(f"{name:>10}" for name in names) + "\n")
    for timing in timings:
        sys.stdout.write(
            f"{f'{timing.name} ({timing.setting:g})':40}{timing.queries:>10}"
            f"{timing.p50_ms:>10.2f}{timing.p95_ms:>10.2f}{timing.cpu_p95_ms:>10.2f}{timing.l1:>10.1e}"
            f"{timing.top:>10.3f}{timing.open_s:>10.2f}{timing.peak_mib:>10,}\n"
        )
    if arguments.json:
        settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(arguments).items()}
        rows = {**settings, "ways": [asdict(timing) for timing in timings]}
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    record_run(arguments, "pagerank", figures(arguments, timings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
