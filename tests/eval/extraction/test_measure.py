import pytest

from eval.extraction.document_graph import DocumentFact, build_document_graph, facts_by_document
from eval.extraction.gold_triples import GoldDocument, Relation
from eval.extraction.measure import (
    AMONG_GOLD,
    IN_ORDER,
    PAIRS,
    TRIPLES,
    ExtractionCounts,
    measure_document,
    measure_extraction,
    overall_scores,
)
from eval.extraction.relation_match import RelationMatch
from kg.config import IndexConfig
from kg.schema import Chunk, Document, Entity, Evidence, Extraction, Fact, Mention
from kg.session import open_session
from kg.workspace import Workspace
from models.errors import ConfigError
from tests.kg.scripted import PLAIN, LetterEncoder

FOUNDED, PART = Relation("founded by", "founded"), Relation("manager")
GOLD = GoldDocument(
    title="Oune",
    text="",
    entities=(("Oune Mills", "Oune"), ("Ada Lorne", "Lorne"), ("Torsby",), ("Lorne",)),
    triples=((0, FOUNDED, 1), (0, PART, 2)),
)


def fact(subject, predicate, object_, *more):
    return DocumentFact((subject,), (predicate, *more), (object_,))


def count(*facts):
    return measure_document(GOLD, facts, RelationMatch(LetterEncoder(), 0.6))


def test_a_right_fact_counts_in_every_measure():
    for counts in count(fact("the OUNE", "founded by", "Ada Lorne")).values():
        assert counts == ExtractionCounts(correct=1, predicted=1, gold=2, right=1)


def test_direction_is_what_the_predicate_says():
    inverse = count(fact("Ada Lorne", "founded", "Oune"))
    assert (inverse[TRIPLES].right, inverse[IN_ORDER].right, inverse[PAIRS].right) == (1, 0, 1)
    for wrong in (fact("Ada Lorne", "founded by", "Oune"), fact("Oune", "founded", "Ada Lorne")):
        assert count(wrong)[TRIPLES].right == 0
        assert count(wrong)[PAIRS].right == 1


def test_a_role_has_no_direction_but_gold_has_an_order():
    turned = count(fact("Torsby", "manager", "Oune"))
    assert (turned[TRIPLES].right, turned[IN_ORDER].right) == (1, 0)


def test_another_relation_between_the_right_ends_is_a_pair_only():
    counts = count(fact("Oune", "was visited at night", "Ada Lorne"))
    assert (counts[PAIRS].right, counts[TRIPLES]) == (1, ExtractionCounts(correct=0, predicted=1, gold=2, right=0))


def test_one_thing_under_two_names_is_found_once():
    counts = count(
        fact("Oune", "founded by", "Ada Lorne"),
        fact("Oune Mills", "founded by", "Lorne"),
        fact("Oune", "manager", "Torsby"),
    )
    assert counts[PAIRS] == ExtractionCounts(correct=2, predicted=2, gold=2, right=2)
    assert counts[TRIPLES] == ExtractionCounts(correct=2, predicted=2, gold=2, right=2)


def test_two_wordings_of_a_fact_are_one_prediction():
    assert count(fact("Oune", "quite unlike", "Ada Lorne", "founded by"))[TRIPLES] == ExtractionCounts(1, 1, 2, 1)


def test_a_shared_name_is_read_as_the_thing_that_gold_joins():
    assert count(fact("Oune", "founded by", "Lorne"))[PAIRS].right == 1


def test_facts_about_things_that_nobody_annotated_are_left_out_of_one_precision_only():
    counts = count(
        fact("Oune", "founded by", "Lorne"), fact("Oune", "near", "Lake Varn"), fact("Lorne", "in", "Torsby")
    )
    assert counts[PAIRS] == ExtractionCounts(correct=1, predicted=3, gold=2, right=1)
    assert counts[AMONG_GOLD] == ExtractionCounts(correct=1, predicted=2, gold=2, right=1)


def test_a_document_without_facts_stays_in_the_denominator():
    found, failed = measure_extraction(
        [GOLD, GOLD], [[fact("Oune", "founded by", "Lorne")], []], RelationMatch(LetterEncoder(), 0.6)
    )
    assert failed[TRIPLES] == ExtractionCounts(correct=0, predicted=0, gold=2, right=0)
    scores = overall_scores([found[PAIRS], failed[PAIRS]])
    assert (scores.precision.mean, scores.recall.mean, scores.f1.mean) == (1.0, 0.25, 0.4)
    assert scores.recall.low == 0.0 < 0.25 < scores.recall.high == 0.5
    assert overall_scores([failed[PAIRS]]).f1.mean == 0.0


class World:
    """A store of two documents that both name one entity, differently."""

    def __init__(self, store):
        texts = {"d1": "Oune Mills was founded by Lorne.", "d2": "Oune grew."}
        store.put(Document(key, f"{key}.md", "", text) for key, text in texts.items())
        store.put(Chunk(f"c{key}", key, 0, 0, len(text), text, 9) for key, text in texts.items())
        store.put([
            Entity("e1", "Oune", "organisation", ("Oune Mills",), (Evidence("cd1", 0, 10), Evidence("cd2", 0, 4))),
            Entity("e2", "Lorne", "person", (), (Evidence("cd1", 26, 31),)),
        ])  # fmt: skip
        shared = (Evidence("cd1", 0, 32), Evidence("cd2", 0, 10))
        store.put([
            Fact("f1", "e1", "founded by", "e2", (Evidence("cd1", 0, 32),), phrases=("was founded by",)),
            Fact("f2", "e1", "likes", "e2", shared, phrases=("is fond of",)),
        ])  # fmt: skip


def test_a_document_gets_its_own_facts_names_and_words(tmp_path):
    with Workspace.create(tmp_path / "kb", IndexConfig()) as workspace:
        World(workspace.store)
        facts = facts_by_document(workspace.store)
    assert set(facts["d1"]) == {
        DocumentFact(("Oune Mills",), ("was founded by",), ("Lorne",)),
        DocumentFact(("Oune Mills",), ("likes",), ("Lorne",)),
    }
    assert facts["d2"] == (DocumentFact(("Oune",), ("likes",), ("Lorne",)),)


def test_a_name_known_from_the_title_is_not_the_sentence_it_refers_to(tmp_path):
    with Workspace.create(tmp_path / "kb", IndexConfig()) as workspace:
        store, text = workspace.store, "She founded Oune Mills."
        whole, mills = Evidence("c1", 0, len(text)), Evidence("c1", 12, 22)
        mentions = (Mention("Ada Lorne", "person", whole), Mention("Oune Mills", "organisation", mills))
        store.put([
            Document("d1", "a.md", "Ada Lorne", text),
            Chunk("c1", "d1", 0, 0, len(text), text, 5),
            Extraction("x1", "c1", mentions, ()),
            Entity("e1", "Ada Lorne", "person", (), (whole,)),
            Entity("e2", "Oune Mills", "organisation", (), (mills,)),
            Fact("f1", "e1", "founded", "e2", (whole,)),
        ])  # fmt: skip
        facts = facts_by_document(store)
    assert facts == {"d1": (DocumentFact(("Ada Lorne",), ("founded",), ("Oune Mills",)),)}


SCRIPTED = "tests.kg.scripted"
CONFIG = IndexConfig(extractor=f"{SCRIPTED}:ScriptedChat", encoder=f"{SCRIPTED}:LetterEncoder", extract=PLAIN)


def test_documents_are_built_once_and_those_that_fail_are_counted(tmp_path):
    texts = [("", "Ada Lorne founded Oune Mills."), ("", "  "), ("", "Ines Varga visited Torsby.")]
    with open_session(tmp_path / "kb", CONFIG) as session:
        first, again = build_document_graph(texts, session), build_document_graph(texts, session)
    assert [len(facts) for facts in first.facts] == [1, 0, 1]
    assert first.facts[0] == (DocumentFact(("Ada Lorne",), ("founded",), ("Oune Mills",)),)
    assert (first.failed, first.read, again.read) == (1, 2, 0)
    assert again.facts == first.facts


def test_tokens_are_those_of_the_documents_that_are_measured(tmp_path):
    texts = [("", f"Ada Lorne founded Oune Mills {number}.") for number in range(6)]
    with open_session(tmp_path / "kb", CONFIG) as session:
        many, one = build_document_graph(texts, session), build_document_graph(texts[:1], session)
    assert many.uncached == many.summary.tokens_in > 0
    assert one.uncached == one.summary.tokens_in == pytest.approx(many.uncached / 6, rel=0.1)


def test_a_knowledge_base_of_other_documents_is_not_overwritten(tmp_path):
    with open_session(tmp_path / "kb", CONFIG) as session:
        session.workspace.store.put([Document("d", "mine.md", "", "Precious.")])
        with pytest.raises(ConfigError, match="holds other documents"):
            build_document_graph([("", "Ada Lorne founded Oune Mills.")], session)
        assert [row.source for row in session.workspace.store.read(Document)] == ["mine.md"]
