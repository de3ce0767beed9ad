import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix, csr_matrix

from retrieval.pagerank.exact import personalised_pagerank, transition
from retrieval.pagerank.push import ForwardPush, VisitProbabilities

_ROUNDING = 1e-12


def _graph(nodes: int, edges: list[tuple[int, int, int]]) -> csr_matrix:
    """Symmetric, from (one, other, weight), loops left out; weights of the same edge add up."""
    ones, others, weights = np.array([edge for edge in edges if edge[0] != edge[1]] or np.zeros((0, 3)), dtype=int).T
    ends = (np.concatenate([ones, others]), np.concatenate([others, ones]))
    return coo_matrix((np.concatenate([weights, weights]).astype(float), ends), shape=(nodes, nodes)).tocsr()


def _random(nodes: int, edges: int) -> csr_matrix:
    random = np.random.default_rng(0)
    return _graph(nodes, [tuple(edge) for edge in random.integers((0, 0, 1), (nodes, nodes, 5), (edges, 3)).tolist()])


def _push(adjacency: csr_matrix) -> ForwardPush:
    return ForwardPush(transition(adjacency), _degree(adjacency))


def _degree(adjacency: csr_matrix) -> np.ndarray:
    return np.asarray(adjacency.sum(axis=0)).ravel()


def _dense(visits: VisitProbabilities, nodes: int) -> np.ndarray:
    assert len(np.unique(visits.rows)) == len(visits.rows)
    values = np.zeros(nodes)
    values[visits.rows] = visits.values
    return values


def _truth(adjacency: csr_matrix, rows: np.ndarray, weights: np.ndarray, damping: float) -> np.ndarray:
    seeds = np.bincount(rows, weights, adjacency.shape[0])
    return personalised_pagerank(transition(adjacency), seeds, damping, 1e-14, 1000)


_NODES = 12
_NODE = st.integers(0, _NODES - 1)


@given(
    edges=st.lists(st.tuples(_NODE, _NODE, st.integers(1, 4)), max_size=25),
    seeds=st.lists(st.tuples(_NODE, st.floats(0.01, 1)), min_size=1, max_size=4),
    damping=st.sampled_from([0.0, 0.5, 0.85]),
    bounds=st.sampled_from([(0.1, 0.0), (1e-3, 0.0), (1e-7, 0.0), (0.0, 0.2), (0.0, 1e-3), (0.0, 1e-9), (1e-4, 1e-2)]),
    refine=st.sampled_from([0, 1, 64]),
)
@settings(max_examples=300, deadline=None)
def test_lacks_no_more_than_its_bounds(
    edges: list[tuple[int, int, int]],
    seeds: list[tuple[int, float]],
    damping: float,
    bounds: tuple[float, float],
    refine: int,
) -> None:
    adjacency = _graph(_NODES, edges)
    rows, weights = np.array([row for row, _ in seeds]), np.array([weight for _, weight in seeds])
    truth = _truth(adjacency, rows, weights, damping)
    push, (epsilon, error) = _push(adjacency), bounds
    found = push.visits(rows, weights, damping, epsilon, error, refine)
    lacks = truth - _dense(found, _NODES)
    assert lacks.min() > -_ROUNDING
    assert (lacks <= found.per_degree * _degree(adjacency) + _ROUNDING).all()
    assert lacks.sum() == pytest.approx(found.missing, abs=_ROUNDING)
    assert found.values.sum() + found.missing == pytest.approx(1.0, abs=_ROUNDING)
    assert found.missing <= error + _ROUNDING or found.per_degree <= damping * epsilon * (1 + _ROUNDING)
    again = push.visits(rows, weights, damping, epsilon, error, refine)
    assert found.values.tolist() == again.values.tolist()  # nothing is left in the scratch arrays


@pytest.mark.parametrize("damping", [0.5, 0.85])
@pytest.mark.parametrize("seeds", [{7: 1.0}, {3: 0.2, 40: 1.0, 41: 3.0}])
def test_equals_prpack(damping: float, seeds: dict[int, float]) -> None:
    igraph = pytest.importorskip("igraph", reason="igraph comes with the extra dev")
    adjacency = _random(60, 70)  # sparse enough for isolated nodes
    assert (_degree(adjacency) == 0).any()
    upper = coo_matrix(np.triu(adjacency.toarray()))
    theirs = igraph.Graph(60, list(zip(upper.row.tolist(), upper.col.tolist(), strict=True))).personalized_pagerank(
        directed=False,
        damping=damping,
        reset=[seeds.get(node, 0.0) for node in range(60)],
        weights=upper.data.tolist(),
        implementation="prpack",
    )
    rows, weights = np.array(list(seeds)), np.array(list(seeds.values()))
    ours = _dense(_push(adjacency).visits(rows, weights, damping, epsilon=0, error=1e-10), 60)
    assert np.abs(ours - theirs).sum() < 1e-8


def test_a_walker_in_an_isolated_node_restarts() -> None:
    adjacency = _graph(4, [(0, 1, 1)])
    found = _push(adjacency).visits(np.array([0, 3]), np.array([1.0, 1.0]), epsilon=1e-12)
    assert _dense(found, 4) == pytest.approx(_truth(adjacency, np.array([0, 3]), np.ones(2), 0.5), abs=1e-10)
    alone = _push(csr_matrix((3, 3))).visits(np.array([1, 0, 1]), np.array([1.0, 1.0, 2.0]))
    assert dict(zip(alone.rows.tolist(), alone.values.tolist(), strict=True)) == {0: 0.25, 1: 0.75}


def test_work_follows_the_bound_and_not_the_graph() -> None:
    nodes, epsilon = 50_000, 1e-4
    ring = _graph(nodes, [(node, (node + 1) % nodes, 1) for node in range(nodes)])
    found = _push(ring).visits(np.array([100]), np.ones(1), 0.5, epsilon)
    assert len(found.rows) < 30
    assert found.per_degree <= 0.5 * epsilon


def test_the_best_pull_what_their_neighbours_hold() -> None:
    adjacency = _random(400, 4000)
    push, rows, weights = _push(adjacency), np.array([1, 2]), np.ones(2)
    truth = _truth(adjacency, rows, weights, 0.5)
    plain, refined = (push.visits(rows, weights, epsilon=3e-4, refine=most) for most in (0, 20))
    best = np.argsort(-truth)[:5]
    lacks = [(truth - _dense(found, 400))[best].sum() for found in (plain, refined)]
    assert lacks[1] < 0.8 * lacks[0]
    assert refined.missing < plain.missing


@pytest.mark.parametrize("index_type", [np.int32, np.int64])
def test_reads_mapped_arrays_of_either_width(tmp_path: Path, index_type: type) -> None:
    adjacency = _random(50, 120)
    step = transition(adjacency)
    for part in ("indptr", "indices", "data"):
        values = getattr(step, part)
        np.save(tmp_path / f"{part}.npy", values if part == "data" else values.astype(index_type))
        setattr(step, part, np.load(tmp_path / f"{part}.npy", mmap_mode="r"))
    found = ForwardPush(step, _degree(adjacency)).visits(np.array([5]), np.ones(1), epsilon=0, error=1e-10)
    assert _dense(found, 50) == pytest.approx(_truth(adjacency, np.array([5]), np.ones(1), 0.5), abs=1e-9)


@pytest.mark.parametrize(
    ("rows", "weights", "message"),
    [
        ([0, 1], [1.0], r"a weight a seed; got .*\(2,\).*\(1,\)"),
        ([0.0], [1.0], "row number and a weight a seed; got float64"),
        ([3], [1.0], "rows 0 to 2; got 3 to 3"),
        ([-1], [1.0], "rows 0 to 2; got -1 to -1"),
        ([0, 1], [1.0, -0.5], r"at least 0 .* got .*-0\.5"),
        ([0], [0.0], r"sum above 0; got .*0\.0"),
        ([0], [np.nan], "sum above 0; got .*nan"),
        ([], [], "sum above 0; got"),
    ],
)
def test_unusable_seeds_are_refused(rows: list[int], weights: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _push(_graph(3, [(0, 1, 1)])).visits(np.array(rows, dtype=None if rows else int), np.array(weights))


@pytest.mark.parametrize("numbers", [{"damping": 1.0}, {"epsilon": -1e-6}, {"epsilon": 0.0}, {"error": np.nan}])
def test_numbers_out_of_range_are_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=rf"Expected damping .*{next(iter(numbers))} {next(iter(numbers.values()))}"):
        _push(_graph(3, [(0, 1, 1)])).visits(np.array([0]), np.ones(1), **numbers)


def test_a_step_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected a step of shape \(2, 2\).*got \(3, 3\)"):
        ForwardPush(transition(csr_matrix((3, 3))), np.zeros(2))


def test_the_compiler_is_imported_only_to_walk() -> None:
    code = "import sys, retrieval.pagerank.push; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
