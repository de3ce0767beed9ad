import json
import random
from pathlib import Path

import networkx as nx
import pytest

from eval.communities.partitions import adjusted_rand_index, modularity
from kg.communities.detect import detect, weighted_edges
from kg.communities.steady import divide
from kg.config import CommunityConfig
from kg.schema import Entity, Evidence, Fact

CONFIG = CommunityConfig()
OPENIE = Path(__file__).parents[4] / "shared/data/musique100/openie_gpt-3.5-turbo.json"


def edges_of(pairs):
    return weighted_edges(Fact(f"{one}-{other}", one, "knows", other, (Evidence("c:1", 0, 1),)) for one, other in pairs)


def planted(groups=12, size=30, inside=8, across=2, seed=0):
    """Pairs of a graph with clear communities, by number of the group."""
    chance = random.Random(seed)
    nodes = [f"n{number:04}" for number in range(groups * size)]
    pairs = []
    for group in range(groups):
        for _ in range(size * inside // 2):
            one, other = chance.sample(range(group * size, (group + 1) * size), 2)
            pairs.append((nodes[one], nodes[other]))
    return pairs + [tuple(chance.sample(nodes, 2)) for _ in range(groups * size * across // 2)]


def hubs(nodes=3000, seed=0):
    """Pairs of a graph without clear communities: few nodes have many neighbours."""
    return [(f"n{one:04}", f"n{other:04}") for one, other in nx.powerlaw_cluster_graph(nodes, 2, 0.3, seed).edges]


def edited(pairs, share, seed):
    """Without a share of the pairs, and the nodes of those."""
    gone = set(random.Random(seed).sample(range(len(pairs)), round(share * len(pairs))))
    touched = {node for number in gone for node in pairs[number]}
    return [pair for number, pair in enumerate(pairs) if number not in gone], touched


def likeness(way, pairs):
    """Adjusted Rand index of the untouched nodes, the mean over edits of a hundredth."""
    before, values = way(edges_of(pairs)), []
    for seed in range(3):
        rest, touched = edited(pairs, 0.01, seed)
        after = way(edges_of(rest))
        values.append(adjusted_rand_index(before, after, sorted(before.keys() - touched)))
    return sum(values) / len(values)


def leiden(edges):
    import graspologic_native

    return graspologic_native.leiden(edges, seed=0)[1]


def test_clear_communities_are_found_complete():
    found = divide(edges_of(planted()), CONFIG)
    assert len(set(found.values())) == 12
    truth = {node: int(node[1:]) // 30 for node in found}
    assert adjusted_rand_index(found, truth, found) > 0.99


@pytest.mark.parametrize("pairs", [planted(), hubs()], ids=["planted", "hubs"])
def test_an_edit_of_a_hundredth_moves_hardly_any_untouched_node(pairs):
    assert likeness(lambda edges: divide(edges, CONFIG), pairs) >= 0.98


def test_where_plain_leiden_moves_most():
    assert likeness(leiden, hubs()) < 0.6


def test_nothing_of_a_graph_without_communities_or_hubs_stays_alone():
    edges = edges_of((f"n{one:03}", f"n{other:03}") for one, other in nx.random_regular_graph(6, 300, seed=1).edges)
    found = divide(edges, CONFIG)
    sizes = [list(found.values()).count(label) for label in set(found.values())]
    assert min(sizes) >= 2


def test_a_division_is_of_use():
    facts = [Fact(f"{a}-{b}", a, "knows", b, (Evidence("c:1", 0, 1),)) for a, b in hubs()]
    found = divide(weighted_edges(facts), CONFIG)
    assert modularity(facts, found) > 0.4
    assert len(set(found.values())) < len(found) / 4


def test_every_way_to_the_same_graph_gives_the_same_communities():
    pairs = hubs(400)
    names = {node for pair in pairs for node in pair}
    entities = [Entity(name, name, "other", (), ()) for name in sorted(names)]
    facts = [Fact(f"{a}-{b}", a, "knows", b, (Evidence("c:1", 0, 1),)) for a, b in pairs]
    expected = detect(entities, facts, CONFIG)
    detect(entities, facts[: len(facts) // 2], CONFIG)
    assert detect(entities[::-1], facts[::-1], CONFIG) == expected


@pytest.mark.shared_data
@pytest.mark.skipif(not OPENIE.exists(), reason="needs the development data in ../shared/data")
def test_an_edit_of_a_hundredth_of_real_passages_moves_hardly_any_untouched_name():
    passages = []
    for row in json.loads(OPENIE.read_text(encoding="utf-8"))["docs"]:
        pairs = {tuple(sorted((one.lower(), other.lower()))) for one, _, other in complete(row) if one != other}
        passages.append(sorted(pairs))
    before, values = divide(edges_of(pair for passage in passages for pair in passage), CONFIG), []
    for seed in range(3):
        gone = set(random.Random(seed).sample(range(len(passages)), round(0.01 * len(passages))))
        after = divide(
            edges_of(pair for n, passage in enumerate(passages) if n not in gone for pair in passage), CONFIG
        )
        touched = {node for number in gone for pair in passages[number] for node in pair}
        values.append(adjusted_rand_index(before, after, sorted((before.keys() & after.keys()) - touched)))
    assert sum(values) / len(values) >= 0.98


def complete(row):
    return [triple for triple in row["extracted_triples"] if len(triple) == 3]
