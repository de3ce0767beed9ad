"""The made-up graph of `benchmarks.leiden` is one, and its modularity is the usual one."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from benchmarks.leiden import WAYS, make_graph, modularity, name_nodes, time_way


def test_the_graph_has_distinct_pairs_and_groups_with_most_edges_within() -> None:
    pairs, groups = make_graph(5000)
    assert len(np.unique(pairs, axis=0)) == len(pairs) and (pairs[:, 0] < pairs[:, 1]).all()
    assert pairs.max() < len(groups) == 1000
    assert 0.7 < (groups[pairs[:, 0]] == groups[pairs[:, 1]]).mean() < 0.9


def test_modularity_is_that_of_networkx() -> None:
    pairs, groups = make_graph(2000)
    graph = nx.Graph(pairs.tolist())
    parts: dict[int, set[int]] = {}
    for node in graph:
        parts.setdefault(int(groups[node]), set()).add(node)
    assert modularity(pairs, groups) == pytest.approx(nx.community.modularity(graph, parts.values()))


def test_every_way_gives_a_group_to_every_node() -> None:
    pairs, _ = make_graph(1000)
    edges = name_nodes(pairs)
    nodes = {end for edge in edges for end in edge[:2]}
    assert all(set(way(edges)) == nodes for way in WAYS.values())


def test_a_way_that_takes_too_long_is_stopped() -> None:
    assert time_way("native", 1000, budget_s=0.0) is None
