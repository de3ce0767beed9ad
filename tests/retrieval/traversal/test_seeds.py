import time

import numpy as np
import pytest

from retrieval.index.graph_index import GraphIndex
from retrieval.text.names import named_entities
from retrieval.text.terms import terms
from retrieval.traversal.seeds import SeedSettings, entity_seeds
from tests.retrieval.fakes import MemoryStore, WordEncoder, world


def test_the_longest_name_wins() -> None:
    names = {"new pellin": [1], "pellin": [2]}
    assert named_entities(names, "Who rules New Pellin?") == [1]
    assert named_entities(names, "Who rules New Pellin and Pellin?") == [1, 2]


def test_common_words_are_names_only_in_a_question_without_capitals() -> None:
    names = {"designer": [0], "aldermoon bridge": [1]}
    assert named_entities(names, "Who is the designer of the Aldermoon Bridge?") == [1]
    assert named_entities(names, "who is the designer") == [0]


def test_stopwords_alone_are_never_names() -> None:
    assert named_entities({"who": [0], "it": [1]}, "Who is it?") == []


def test_a_script_without_capitals_can_name_things() -> None:
    assert named_entities({"서울": [3]}, "서울은 어디에 있나?") == [3]


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("浙江大学", "浙江大学在哪个城市？"),
        ("強羅温泉", "箱根の強羅温泉はどこですか"),
        ("สุโขทัย", "เมืองสุโขทัยอยู่ที่ไหน"),
        ("장영실", "장영실은 무엇을 만들었나?"),
        ("अजमेर", "अजमेर किस राज्य में है?"),
        ("Elâzığ", "ELAZIĞ hangi bölgede?"),
        ("القُدْس", "أين تقع القدس؟"),
        ("국립아시아문화전당어린이문화원", "국립아시아문화전당어린이문화원은 어디에 있나?"),
    ],
)
def test_a_name_is_found_in_a_question_of_any_script(name: str, question: str) -> None:
    assert named_entities({" ".join(terms(name)): [7]}, question) == [7]


def test_a_long_question_takes_no_longer_than_its_length() -> None:
    began = time.process_time()
    assert named_entities({"北京": [1]}, "甲乙丙丁" * 5000) == []
    assert time.process_time() - began < 10


def test_an_entity_of_many_passages_weighs_less(tmp_path) -> None:  # type: ignore[no-untyped-def]
    index = GraphIndex.open(MemoryStore(world()), tmp_path, WordEncoder())
    settings = SeedSettings(facts=0, name_weight=1.0)
    weights = entity_seeds(index, "Ivo Tarn, Runa Fisk", np.zeros(64, dtype=np.float32), settings)
    spread = {row: int(index.passages_of_entity[row]) for row in weights}
    assert sorted(spread.values()) == [1, 2]
    assert all(weights[row] == 1.0 / spread[row] for row in weights)


def test_nearest_facts_seed_both_ends(tmp_path) -> None:  # type: ignore[no-untyped-def]
    index = GraphIndex.open(MemoryStore(world()), tmp_path, WordEncoder())
    settings = SeedSettings(facts=1, name_weight=0.0)
    vector = index.encode_question("who was born in pellin")
    names = {row: name for name, rows in index.names.items() for row in rows}
    assert {names[row] for row in entity_seeds(index, "", vector, settings)} == {"ivo tarn", "pellin"}
