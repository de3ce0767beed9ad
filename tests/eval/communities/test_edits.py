from eval.communities.edits import EditPlan, GraphRows, documents_to_remove, graph_without, untouched_by
from kg.schema import Entity, Evidence, Fact


def graph():
    here, there = Evidence("c:1", 0, 1), Evidence("c:2", 0, 1)
    entities = [
        Entity("a", "a", "other", (), (here,)),
        Entity("b", "b", "other", (), (here, there)),
        Entity("c", "c", "other", (), (there,)),
        Entity("d", "d", "other", (), (there,)),
    ]
    facts = [
        Fact("ab", "a", "r", "b", (here,)),
        Fact("bc", "b", "r", "c", (here, there)),
        Fact("cd", "c", "r", "d", (there,)),
    ]
    return GraphRows(tuple(entities), tuple(facts))


DOCUMENT_OF = {"c:1": "d:1", "c:2": "d:2"}


def test_only_what_has_no_other_evidence_is_removed():
    rest = graph_without(graph(), DOCUMENT_OF, {"d:1"})
    assert [entity.id for entity in rest.entities] == ["b", "c", "d"]
    assert [(fact.id, len(fact.evidence)) for fact in rest.facts] == [("bc", 1), ("cd", 1)]


def test_untouched_entities_are_those_that_the_document_does_not_mention():
    assert untouched_by(graph(), DOCUMENT_OF, {"d:1"}) == {"d"}  # the document names a and b, and has a fact about c
    assert untouched_by(graph(), DOCUMENT_OF, {"d:2"}) == {"a"}


def test_the_choice_is_a_share_and_follows_from_the_seed():
    documents = [f"d:{number}" for number in range(250)]
    plan = EditPlan(edits=3, share=0.02)
    chosen = documents_to_remove(documents, plan)
    assert [len(each) for each in chosen] == [5, 5, 5]
    assert len({frozenset(each) for each in chosen}) == 3
    assert documents_to_remove(documents[::-1], plan) == chosen
    assert documents_to_remove(documents, EditPlan(edits=3, share=0.02, seed=1)) != chosen
    assert [len(each) for each in documents_to_remove(documents[:3], plan)] == [1, 1, 1]
