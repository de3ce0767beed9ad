import random
from itertools import pairwise
from math import prod

import networkx as nx
import pytest

from kg.communities.basins import _POWER, basins, gather


def edges_of(graph, weight=1.0):
    return sorted((*sorted(map(str, edge)), weight) for edge in graph.edges)


def groups(labels):
    found = {}
    for node, label in labels.items():
        found.setdefault(label, set()).add(node)
    return {frozenset(group) for group in found.values()}


def two_hubs():
    """Two hubs with ten leaves each, and a leaf between that has two facts with the second."""
    edges = [(f"a{n}", "hub a", 1.0) for n in range(10)] + [(f"b{n}", "hub b", 1.0) for n in range(10)]
    return sorted([*edges, ("between", "hub a", 1.0), ("between", "hub b", 2.0)])


def test_leaves_go_to_their_hub_and_a_node_between_to_where_it_holds_more():
    first, second = groups(basins(two_hubs()))
    if "hub a" in second:
        first, second = second, first
    assert first == {"hub a", *(f"a{n}" for n in range(10))}
    assert second == {"hub b", "between", *(f"b{n}" for n in range(10))}


@pytest.mark.parametrize("seed", range(5))
def test_the_centre_is_the_best_by_probability_and_strength(seed):
    graph = nx.gnm_random_graph(12, 18, seed=seed)
    graph.remove_nodes_from([node for node in list(graph) if graph.degree(node) == 0])
    weights = random.Random(seed)
    edges = [(one, other, float(weights.randint(1, 4))) for one, other, _ in edges_of(graph)]

    def strength_of(node):
        return sum(w for *pair, w in edges if node in pair)

    strength = {node: strength_of(node) for edge in edges for node in edge[:2]}
    found = basins(edges)
    assert set(found) == set(strength)
    walks = nx.DiGraph()
    for one, other, weight in edges:
        walks.add_edge(one, other, p=weight / strength[one])
        walks.add_edge(other, one, p=weight / strength[other])

    def chance(path):
        return prod(walks[one][other]["p"] for one, other in pairwise(path))

    def score(node, centre):
        if node == centre:
            return strength[centre] ** _POWER
        best = max(map(chance, nx.all_simple_paths(walks, node, centre)), default=0.0)
        return best * strength[centre] ** _POWER

    for node, centre in found.items():
        assert score(node, centre) == pytest.approx(max(score(node, each) for each in strength))


def test_an_edit_far_away_changes_nothing_here():
    before = basins(two_hubs())
    after = basins(sorted([*two_hubs(), ("b0", "new", 1.0), ("new", "newer", 3.0)]))
    assert {node: after[node] for node in before if before[node] == "hub a"} == {
        node: "hub a" for node in before if before[node] == "hub a"
    }


def test_small_groups_join_a_larger_neighbour_and_else_the_one_they_hold_to_most():
    edges = [("big", f"n{n}", 1.0) for n in range(6)] + [("n0", "small", 1.0), ("pair", "small", 5.0)]
    edges += [("far", "farther", 1.0), ("farthest", "lone", 1.0), ("farther", "farthest", 0.5)]
    big = {"big", *(f"n{n}" for n in range(6))}
    labels = {node: "big" if node in big else node for e in edges for node in e[:2]}
    found = groups(gather(sorted(edges), labels, 5, settled=()))
    assert {"big", "small", *(f"n{n}" for n in range(6))} in found
    assert {"far", "farther"} in found
    assert {"farthest", "lone"} in found


def test_a_settled_group_joins_none_and_is_joined():
    edges = [("alone", "one", 1.0), ("one", "two", 3.0)]
    found = gather(edges, {"one": "one", "two": "one", "alone": "alone"}, 5, settled={"one"})
    assert groups(found) == {frozenset({"one", "two", "alone"})}
    edges = [("a", "b", 1.0), ("b", "c", 1.0)]
    settled = gather(edges, {"a": "a", "b": "b", "c": "c"}, 5, settled={"a", "b", "c"})
    assert settled == {"a": "a", "b": "b", "c": "c"}
