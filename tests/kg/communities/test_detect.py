import os
import random
import subprocess
import sys
from itertools import pairwise

import pytest

from kg.communities.detect import detect, weighted_edges
from kg.config import CommunityConfig
from kg.schema import Entity, Evidence, Fact

HERE = (Evidence("c:1", 0, 1),)


def entity(name):
    return Entity(name, name, "other", (), HERE)


def fact(one, other, predicate="knows"):
    return Fact(f"{one}-{predicate}-{other}", one, predicate, other, HERE)


def clique_names(clique, size):
    return [f"n{clique:02}{i:02}" for i in range(size)]


def village(cliques, size, seed=0):
    """Cliques in a row, each tied to the next by one fact."""
    names = [clique_names(c, size) for c in range(cliques)]
    facts = [fact(a, b) for clique in names for a in clique for b in clique if a < b]
    facts += [fact(one[0], other[0], "borders") for one, other in pairwise(names)]
    entities = [entity(name) for clique in names for name in clique]
    random.Random(seed).shuffle(facts)
    random.Random(seed).shuffle(entities)
    return entities, facts


def districts(count, seed=0):
    """Four cliques of six in each district, tied by many facts; districts are tied by one."""
    entities, facts = village(4 * count, 6, seed)
    names = sorted(e.id for e in entities)
    for start in range(0, len(names), 24):
        part = names[start : start + 24]
        facts += [
            fact(a, b, "trades with") for a in part for b in part if a < b and (names.index(a) + names.index(b)) % 5 < 2
        ]
    return entities, facts


def test_finds_the_cliques():
    entities, facts = village(4, 5)
    found = {community.entity_ids for community in detect(entities, facts, CommunityConfig())}
    assert {tuple(clique_names(c, 5)) for c in range(4)} <= found


def test_every_entity_has_one_path_from_the_coarsest_level_to_a_leaf():
    entities, facts = districts(5)
    entities += [entity("alone"), entity("apart")]
    communities = detect(entities, facts, CommunityConfig(max_size=5))
    by_id = {community.id: community for community in communities}
    assert len(by_id) == len(communities)
    tops = [name for community in communities if community.level == 0 for name in community.entity_ids]
    assert sorted(tops) == sorted(e.id for e in entities)
    assert max(community.level for community in communities) >= 1
    for community in communities:
        children = [child for child in communities if child.parent_id == community.id]
        assert all(child.level == community.level + 1 for child in children)
        if children:
            below = sorted(name for child in children for name in child.entity_ids)
            assert tuple(below) == community.entity_ids
            assert len(children) > 1
        if community.parent_id:
            assert by_id[community.parent_id].level == community.level - 1


def test_entities_without_facts_are_communities_of_their_own():
    communities = detect([entity("a"), entity("b")], [fact("a", "a")], CommunityConfig())
    assert sorted(community.entity_ids for community in communities) == [("a",), ("b",)]
    assert detect([], [], CommunityConfig()) == ()


def test_facts_in_both_directions_weigh_together():
    assert weighted_edges([fact("b", "a"), fact("a", "b"), fact("a", "c"), fact("a", "a")]) == [
        ("a", "b", 2.0),
        ("a", "c", 1.0),
    ]


def test_the_order_of_rows_does_not_matter():
    first, second = (detect(*village(9, 7, seed), CommunityConfig(max_size=5)) for seed in (1, 2))
    assert first == second


def test_plain_leiden_is_a_setting():
    entities, facts = districts(5)
    plain = detect(entities, facts, CommunityConfig(max_size=5, steady=False))
    tops = [name for community in plain if community.level == 0 for name in community.entity_ids]
    assert sorted(tops) == sorted(e.id for e in entities)
    assert max(community.level for community in plain) >= 1


@pytest.mark.parametrize("steady", [True, False])
def test_the_same_under_every_hash_seed_and_number_of_threads(steady):
    script = (
        "from tests.kg.communities.test_detect import districts; from kg.communities.detect import detect\n"
        "from kg.config import CommunityConfig\n"
        f"print([c.id for c in detect(*districts(5), CommunityConfig(max_size=5, steady={steady}))])"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env={
                **os.environ,
                "PYTHONHASHSEED": str(hash_seed),
                "RAYON_NUM_THREADS": threads,
                "OMP_NUM_THREADS": threads,
                "PYTHONPATH": ".",
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        for hash_seed in range(8)
        for threads in ("1", "4")
    ]
    outputs = {process.communicate()[0] for process in running}
    assert [process.returncode for process in running] == [0] * 16
    assert len(outputs) == 1
    assert "m:" in outputs.pop()
