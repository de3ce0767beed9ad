import numpy as np
import pytest

from eval.mine.fact_features import FEATURES, fact_features
from eval.mine.subgraph import SubgraphSearch
from tests.kg.scripted import LetterEncoder

FACTS = ("Lorne founded the mill in Torsby in 1887.", "The ferry sank.")


def see(*relations, facts=FACTS):
    rows = fact_features(facts, relations, LetterEncoder())
    return dict(zip(FEATURES, rows[0].tolist(), strict=True))


def test_a_stated_fact_is_contained_in_two_connected_relations():
    seen = see(("Lorne", "founded in 1887", "mill"), ("mill", "in", "Torsby"), ("ferry", "sank in", "lake"))
    assert seen["two_relations"] == seen["three_relations"] == 1.0
    assert seen["number_missing"] == 0.0
    assert 0.5 < seen["nearest"] < 1.0


def test_words_scattered_over_a_graph_do_not_add_up():
    seen = see(("Lorne", "met", "Ines"), ("ferry", "founded on", "rock"), ("wind", "drives the", "mill"))
    together = see(("Lorne", "met", "Ines"), ("Ines", "founded on", "rock"), ("rock", "drives the", "mill"))
    assert seen["three_relations"] < together["three_relations"]
    assert seen["three_relations"] == seen["two_relations"]


def test_a_number_that_the_graph_does_not_show_is_missed():
    assert see(("Lorne", "founded in 1888", "mill"))["number_missing"] == 1.0
    assert see(("Lorne", "founded in 1887", "mill"))["number_missing"] == 0.0


def test_a_sentence_as_predicate_is_near_without_the_names_around_it():
    sentence = "Lorne founded the mill in Torsby in 1887."
    assert see(("LORNE AND SONS", sentence, "TORSBY ON THE LAKE"))["nearest"] == pytest.approx(1.0, abs=1e-5)


def test_an_empty_graph_states_nothing():
    assert see() == {"nearest": 0.0, "two_relations": 0.0, "three_relations": 0.0, "number_missing": 1.0}


def test_relations_are_followed_from_subject_to_object_two_steps():
    chain = [("a0", "r", "b1"), ("b1", "r", "c2"), ("c2", "r", "d3"), ("z9", "r", "a0")]
    others = [(f"near {number}", "r", "x") for number in range(7)]

    class Encoder(LetterEncoder):
        def encode(self, texts, kind="passage"):
            return np.array([[float(text == "a0" or text.startswith("near"))] for text in texts], dtype=np.float32)

    shown = SubgraphSearch([*chain, *others], Encoder()).near(np.ones(1, dtype=np.float32))
    assert shown == [0, 1, *range(4, 11)]
