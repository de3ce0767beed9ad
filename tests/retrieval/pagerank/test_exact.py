import networkx
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from retrieval.pagerank.exact import personalised_pagerank, transition


def _random_graph(nodes: int, edges: int, seed: int) -> csr_matrix:
    random = np.random.default_rng(seed)
    matrix = np.zeros((nodes, nodes))
    for one, other in random.integers(0, nodes, (edges, 2)):
        if one != other:
            matrix[one, other] = matrix[other, one] = random.integers(1, 5)
    return csr_matrix(matrix)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("damping", [0.5, 0.85])
def test_equals_networkx_with_isolated_nodes_and_weights(seed: int, damping: float) -> None:
    adjacency = _random_graph(40, 45, seed)  # sparse enough for isolated nodes
    random = np.random.default_rng(seed + 100)
    seeds = random.random(40) * (random.random(40) < 0.3)
    seeds[0] = 1.0
    ours = personalised_pagerank(transition(adjacency), seeds, damping)
    theirs = networkx.pagerank(
        networkx.from_scipy_sparse_array(adjacency), damping, dict(enumerate(seeds)), tol=1e-12, max_iter=500
    )
    assert np.abs(ours - np.array([theirs[node] for node in range(40)])).max() < 1e-6
    assert ours.sum() == pytest.approx(1.0)


def test_unreachable_nodes_are_never_visited() -> None:
    two_pairs = csr_matrix(np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], dtype=float))
    visits = personalised_pagerank(transition(two_pairs), np.array([1.0, 0, 0, 0]))
    assert visits[2] == visits[3] == 0


def test_without_edges_the_walk_stays_at_its_seeds() -> None:
    visits = personalised_pagerank(transition(csr_matrix((3, 3))), np.array([1.0, 3.0, 0.0]))
    assert visits.tolist() == [0.25, 0.75, 0.0]


@pytest.mark.parametrize("seeds", [np.zeros(3), np.array([1.0, -1.0, 1.0]), np.ones(2), np.full(3, np.nan)])
def test_unusable_seeds_are_refused(seeds: np.ndarray) -> None:
    with pytest.raises(ValueError, match="seed"):
        personalised_pagerank(transition(csr_matrix((3, 3))), seeds)
