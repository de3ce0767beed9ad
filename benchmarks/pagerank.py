"""How fast a walk finds what a question's seeds lead to: `retrieval.pagerank.push` beside whole-graph iteration and two
peers.

The graph and the queries are made up (`benchmarks.pagerank_graph`). Each way runs in a process of its own and opens the
same memory-mapped arrays. L1 and top 20 are against an iteration to 1e-12; a node is in the top 20 if it is visited as
much as the 20th. Some ways halve their setting until their L1 is that of our push or less, or until trying has taken
`--budget-s`; slow ones stop after that time. Queries are timed when they come the second time. CPU is that of the
process; peak that of its resident memory, mapped pages included. Both peers come with the extra dev.

    python -m benchmarks.pagerank --edges 1000000
    python -m benchmarks.pagerank --edges 10000000 --queries 20 --json pagerank.json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy.sparse import triu

from benchmarks.memory import memory_mib
from benchmarks.pagerank_graph import made, seeds, truth
from benchmarks.pagerank_ways import DAMPING, WAYS, Found
from retrieval.index import arrays
from retrieval.pagerank.exact import transition

_TOP = 20
_PROBED = 3
"""Queries that an "equal" run chooses its setting by."""
_PLAN = (
    ("push", 0.0, False),
    ("iteration", 1.0, True),
    ("networkit", 1e-5, True),
    ("push", 1e-8, False),
    ("iteration", 1e-8, False),
    ("igraph", 0.0, False),
)
"""Ways in order: name, first setting, and whether it is to equal the error of the first."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One way of walking with its setting (`benchmarks.pagerank_ways`); times are of a query."""

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


def write(folder: Path, asked: argparse.Namespace) -> None:
    """The graph as an index keeps it, its edges as the peers take them, the queries and what is true of them."""
    adjacency, entities = made(asked.edges)
    degree = np.asarray(adjacency.sum(axis=0)).ravel()
    step = transition(adjacency)
    queries = list(seeds(degree, entities, asked.queries, asked.entities == "popular"))
    half = triu(adjacency).tocoo()
    with arrays.building(folder) as out:
        for part, values in (("indptr", step.indptr), ("indices", step.indices), ("data", step.data)):
            out.put(f"step_{part}", values)
        for name, values in (("degree", degree), ("ones", half.row), ("others", half.col), ("weights", half.data)):
            out.put(name, values)
        out.table("queries", [[rows.tolist(), weights.tolist()] for rows, weights in queries])
        blocks = [truth(step, queries[first : first + 10], DAMPING) for first in range(0, len(queries), 10)]
        out.put("truth", np.concatenate(blocks))


def compare(found: Found, true: np.ndarray) -> tuple[float, float]:
    """L1 error, and the share of the best nodes that are among the truly best."""
    rows, values = found
    best = rows[np.argsort(-values)[:_TOP]]
    least = np.partition(true, -_TOP)[-_TOP] * (1 - 1e-9)
    return float(np.abs(values - true[rows]).sum() + 1.0 - true[rows].sum()), float((true[best] >= least).mean())


def timed(name: str, folder: Path, setting: float, equal_to: float, budget_s: float) -> Timing:
    """One way, in a process of its own; with `equal_to`, an L1, the setting is halved until that is reached."""
    found, tables = arrays.read(folder)
    queries = [(np.array(rows), np.array(weights)) for rows, weights in tables["queries"]]
    began = time.perf_counter()
    query = WAYS[name](folder)
    open_s = time.perf_counter() - began
    last = time.perf_counter() + budget_s
    for each in queries:  # compiles, and maps pages
        query(*each, setting)
        if time.perf_counter() > last:
            break
    probed = list(zip(queries, found["truth"], strict=True))[:_PROBED]
    last = time.perf_counter() + (budget_s if equal_to else 0)
    while time.perf_counter() < last:
        if np.mean([compare(query(*each, setting), true)[0] for each, true in probed]) <= equal_to:
            break
        setting /= 2
    wall, cpu, errors, tops = [], [], [], []
    for each, true in zip(queries, found["truth"], strict=True):
        clock, spent = time.perf_counter(), time.process_time()
        visits = query(*each, setting)
        cpu.append(time.process_time() - spent)
        wall.append(time.perf_counter() - clock)
        error, top = compare(visits, true)
        errors.append(error)
        tops.append(top)
        if sum(wall) > budget_s:
            break
    quantiles = (*np.percentile(wall, (50, 95)), np.percentile(cpu, 95))
    p50, p95, cpu_p95 = (round(1e3 * float(each), 3) for each in quantiles)
    l1, top = float(np.mean(errors)), float(np.mean(tops))
    return Timing(name, len(wall), p50, p95, cpu_p95, l1, top, round(open_s, 3), memory_mib("VmHWM"), setting)


def measure(folder: Path, budget_s: float) -> Iterator[Timing]:
    """All ways, each in a process of its own."""
    pushed = 0.0
    for name, setting, equal in _PLAN:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            timing = pool.submit(timed, name, folder, setting, pushed if equal else 0.0, budget_s).result()
        pushed = pushed or timing.l1
        yield timing


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--entities", choices=("popular", "even"), default="popular", help="how seeds are drawn")
    parser.add_argument("--budget-s", type=float, default=20.0, help="a way stops once its queries took this long")
    parser.add_argument("--json", type=Path, help="also write the rows there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="graft-bench-") as parent:
        folder = Path(parent, "graph")
        write(folder, asked)
        sys.stderr.write("graph, queries and their truth are made\n")
        found = list(measure(folder, asked.budget_s))
    names = ("queries", "p50 ms", "p95 ms", "cpu p95", "L1", "top 20", "open s", "peak MiB")
    sys.stdout.write(f"{'':26}" + "".join(f"{name:>10}" for name in names) + "\n")
    for each in found:
        sys.stdout.write(
            f"{f'{each.name} {each.setting:g}':26}{each.queries:>10}"
            f"{each.p50_ms:>10.2f}{each.p95_ms:>10.2f}{each.cpu_p95_ms:>10.2f}{each.l1:>10.1e}"
            f"{each.top:>10.3f}{each.open_s:>10.2f}{each.peak_mib:>10,}\n"
        )
    if asked.json:
        rows = {**vars(asked), "json": str(asked.json), "ways": [asdict(each) for each in found]}
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
