"""Plans of relations on the small invented world, and on hubs made for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from kg.schema import Chunk, Document, Entity, Evidence, Fact, Row, make_id
from models.errors import ConfigError, InputError
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.registry import open_retriever
from retrieval.traversal.steps import RelationGraph
from retrieval.types import FactPath, RetrievedEvidence
from tests.retrieval.fakes import MemoryStore, WordEncoder, chunk_id, world

BORN = "Where was the person born who designed the Aldermoon Bridge?"
EXAMPLES = (
    ("where was whoever designed [X] born", ("^designed", "was born in")),
    ("the birthplace of the person behind [X]", ("^designed", "was born in")),
    ("who designed [X]", ("^designed",)),
    ("the person behind [X]", ("^designed",)),
    ("what does [X] cross", ("crosses",)),
    ("which river is under [X]", ("crosses",)),
    ("what did [X] design", ("designed",)),
    ("who is the mayor of [X]", ("^is mayor of",)),
    ("who was born in [X]", ("^was born in",)),
)


def graph(*facts: tuple[str, str, str]) -> list[Row]:
    """A knowledge base that states facts, one document each."""
    rows: list[Row] = []
    places: dict[str, list[Evidence]] = {}
    for subject, predicate, object_ in facts:
        text = f"{subject} {predicate} {object_}."
        document = Document(make_id("d", text), f"{text}.md", "", text)
        chunk = Chunk(make_id("c", document.id), document.id, 0, 0, len(text), text, 4)
        span = Evidence(chunk.id, 0, len(text))
        ends = [make_id("e", name) for name in (subject, object_)]
        rows += [document, chunk, Fact(make_id("f", text), ends[0], predicate, ends[1], (span,))]
        for name in (subject, object_):
            places.setdefault(name, []).append(span)
    named = [Entity(make_id("e", name), name, "", (), tuple(spans)) for name, spans in places.items()]
    return [*rows, *named]


def open_index(folder: Path, rows: Sequence[Row]) -> GraphIndex:
    return GraphIndex.open(MemoryStore(rows), folder, WordEncoder(512))


@pytest.fixture
def index(tmp_path: Path) -> GraphIndex:
    return open_index(tmp_path / "index", world())


def with_examples(folder: Path, examples: Sequence[tuple[str, Sequence[str]]] = EXAMPLES) -> dict[str, object]:
    """Settings that teach the planner these questions."""
    path = folder / "examples.jsonl"
    path.write_text("".join(json.dumps({"question": q, "path": p}) + "\n" for q, p in examples))
    return {"questions": str(path)}


def retrieve(index: GraphIndex, question: str, name: str = "paths", **settings: object) -> RetrievedEvidence:
    return open_retriever(name, index, index.encoder, settings).retrieve(question, 3)


def triples(path: FactPath) -> list[tuple[str, str, str]]:
    return [(fact.subject, fact.predicate, fact.object) for fact in path.facts]


def test_the_chain_that_a_question_words_is_followed(index: GraphIndex) -> None:
    found = retrieve(index, BORN)
    assert triples(found.paths[0]) == [
        ("Ivo Tarn", "designed", "Aldermoon Bridge"),
        ("Ivo Tarn", "was born in", "Pellin"),
    ]
    assert [passage.chunk_id for passage in found.passages[:2]] == [chunk_id("Bridge"), chunk_id("Tarn")]
    assert {fact.predicate for fact in found.paths[0].facts} <= {fact.predicate for fact in found.facts}
    assert found.paths[0].score == max(path.score for path in found.paths)


def test_examples_teach_words_that_no_relation_has(index: GraphIndex, tmp_path: Path) -> None:
    question = "Which birthplace has the person behind Aldermoon Bridge?"
    assert triples(retrieve(index, question, **with_examples(tmp_path)).paths[0])[-1] == (
        "Ivo Tarn",
        "was born in",
        "Pellin",
    )
    river = retrieve(index, "Which river is under Aldermoon Bridge?", **with_examples(tmp_path))
    assert triples(river.paths[0]) == [("Aldermoon Bridge", "crosses", "river Sel")]


def test_a_relation_is_walked_in_the_direction_of_its_examples(tmp_path: Path) -> None:
    index = open_index(tmp_path / "index", graph(("Ada", "taught", "Ben"), ("Ben", "taught", "Cleo")))
    examples = [("who did [X] teach", ["taught"]), ("whose teacher was [X]", ["taught"])]
    examples += [("who taught [X]", ["^taught"]), ("whose pupil was [X]", ["^taught"])]
    settings = with_examples(tmp_path, examples) | {"hops": 1}
    for question, fact in (
        ("Whose teacher was Ben?", ("Ben", "taught", "Cleo")),
        ("Whose pupil was Ben?", ("Ada", "taught", "Ben")),
    ):
        assert triples(retrieve(index, question, **settings).paths[0]) == [fact]


def test_a_walk_never_comes_back(tmp_path: Path) -> None:
    rows = graph(("Dune", "made by", "Lyn"), ("Blue", "made by", "Lyn"), ("Dune", "made by", "Rob"))
    found = retrieve(open_index(tmp_path, rows), "What else was made by whoever made Dune?", hops=2, least_hops=2)
    assert [triples(path)[-1] for path in found.paths] == [("Blue", "made by", "Lyn")]


def test_an_end_that_more_walks_reach_comes_first(tmp_path: Path) -> None:
    rows = graph(
        *((f"Work {n}", "made by", "Lyn") for n in range(3)),
        ("Work 0", "has kind", "Alba"),
        ("Work 1", "has kind", "Zeta"),
        ("Work 2", "has kind", "Zeta"),
    )
    found = retrieve(open_index(tmp_path, rows), "Which kind has what Lyn made?", hops=2, least_hops=2)
    assert [triples(path)[-1][2] for path in found.paths] == ["Zeta", "Alba"]
    assert found.paths[0].score == 2 * found.paths[1].score


def test_a_hub_is_not_walked_through(tmp_path: Path) -> None:
    rows = graph(*((f"Work {n}", "has kind", "Song") for n in range(30)), ("Work 7", "made by", "Lyn"))
    index = open_index(tmp_path, rows)
    around = retrieve(index, "Which kind has Work 7?", degree=10)
    assert {len(path.facts) for path in around.paths} == {1}
    assert any(len(path.facts) == 2 for path in retrieve(index, "Which kind has Work 7?", degree=100).paths)
    assert len(retrieve(index, "What has the kind Song?", degree=10, hops=1).paths) == 10


def test_without_a_name_it_is_plain_rag(index: GraphIndex) -> None:
    for name in ("paths", "coe"):
        found = retrieve(index, "what keeps for years?", name)
        assert found == RetrievedEvidence(retrieve(index, "what keeps for years?", "rag").passages)


def test_another_process_finds_the_same(tmp_path: Path) -> None:
    first, again = (open_index(tmp_path / name, world()) for name in ("one", "two"))
    settings = with_examples(tmp_path)
    assert retrieve(first, BORN, **settings) == retrieve(again, BORN, **settings)


def test_a_path_in_words_and_back(index: GraphIndex) -> None:
    relations = RelationGraph(index)
    path = ("^designed", "was born in", "^is mayor of")
    numbers = relations.numbered(path)
    assert numbers is not None and relations.named(numbers) == path
    assert relations.numbered(("never said",)) is None


def test_what_cannot_be_learnt_from_is_an_error(index: GraphIndex, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        retrieve(index, BORN, questions=str(tmp_path / "missing.jsonl"))
    with pytest.raises(ConfigError, match="over relations of this graph"):
        retrieve(index, BORN, **with_examples(tmp_path, [("who owns [X]", ["owned by"])]))
    with pytest.raises(ConfigError, match=r"least_hops of at most hops \(1\)"):
        retrieve(index, BORN, hops=1, least_hops=2)


def test_a_digest_names_the_examples_and_not_their_file(index: GraphIndex, tmp_path: Path) -> None:
    def digest(**settings: object) -> str:
        return open_retriever("paths", index, index.encoder, settings).digest

    (tmp_path / "other").mkdir()
    assert digest(**with_examples(tmp_path)) == digest(**with_examples(tmp_path / "other"))
    assert digest(**with_examples(tmp_path)) != digest(**with_examples(tmp_path, EXAMPLES[:3]))
    assert digest() != digest(hops=2)
