import random

import pytest
from sklearn.metrics import adjusted_rand_score

from eval.communities.partitions import adjusted_rand_index, has_one_path_each, labels, modularity
from kg.schema import Community, Evidence, Fact


def test_two_triangles_have_the_modularity_of_the_textbook():
    facts = [
        Fact(pair, pair[0], "knows", pair[1], (Evidence("c:1", 0, 1),))
        for pair in ("ab", "bc", "ac", "de", "ef", "df", "cd")
    ]
    assert modularity(facts, dict(zip("abcdef", "xxxyyy", strict=True))) == pytest.approx(6 / 7 - 2 * 0.25)


@pytest.mark.parametrize("seed", range(5))
def test_the_adjusted_rand_index_is_that_of_scikit_learn(seed):
    chance = random.Random(seed)
    nodes = [str(number) for number in range(60)]
    one = {node: chance.randrange(6) for node in nodes}
    other = {node: one[node] if chance.random() < 0.7 else chance.randrange(6) for node in nodes}
    expected = adjusted_rand_score([one[node] for node in nodes], [other[node] for node in nodes])
    assert adjusted_rand_index(one, other, nodes) == pytest.approx(expected)


def test_divisions_without_pairs_are_equal():
    assert adjusted_rand_index({"a": 1}, {"a": 2}, "a") == 1
    assert adjusted_rand_index({"a": 1, "b": 2}, {"a": 3, "b": 4}, "ab") == 1


TREE = (
    Community("top", 0, "", ("a", "b", "c")),
    Community("x", 1, "top", ("a", "b")),
    Community("y", 1, "top", ("c",)),
)


def test_labels_of_the_top_and_of_the_leaves():
    assert labels(TREE, leaf=False) == dict.fromkeys("abc", "top")
    assert labels(TREE, leaf=True) == {"a": "x", "b": "x", "c": "y"}


def test_one_path_each():
    assert has_one_path_each(TREE, {"a", "b", "c"})
    assert not has_one_path_each(TREE, {"a", "b", "c", "d"})
    assert not has_one_path_each(TREE[:2], {"a", "b", "c"})
    assert not has_one_path_each([*TREE, Community("z", 1, "top", ("a",))], {"a", "b", "c"})
    assert not has_one_path_each([*TREE[:2], Community("y", 2, "top", ("c",))], {"a", "b", "c"})
