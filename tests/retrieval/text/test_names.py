"""Names that a question mentions."""

import time

import pytest

from retrieval.text.names import named_entities
from retrieval.text.terms import terms


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("Who drums in The Them?", "The Them"),
        ("Who wrote She?", "She"),
        ("Is Ines in The It Can?", "The It Can"),
        ("¿Dónde está ÁVILA?", "Ávila"),
        ("кто такой Юрий Чайка?", "Юрий Чайка"),
        ("Где стои\u0301т Тверь?", "тверь"),
        ("ﾔﾏﾊはどこ？", "ヤマハ"),
        ("where is 's-gravenhage?", "'s-Gravenhage"),
    ],
)
def test_a_name_is_found_in_a_question(question, name):
    assert named_entities({" ".join(terms(name)): [3]}, question) == [3]


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("It was she who won?", "It"),
        ("who was she?", "She"),
        ("Can I ask?", "I"),
        ("The mayor of Pellin?", "The Mayor"),
    ],
)
def test_a_small_word_is_no_name(question, name):
    found = named_entities({" ".join(terms(name)): [3]}, question)
    assert found == []


def test_a_long_word_takes_no_time():
    start = time.perf_counter()
    named_entities({"a": [0]}, "½" * 10_000)
    assert time.perf_counter() - start < 5  # 0.2 seconds; 20 where every term looks at the whole word
