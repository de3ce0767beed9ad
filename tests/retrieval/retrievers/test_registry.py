import inspect
from contextlib import nullcontext
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from kg.schema import Entity, Fact
from models.calls.chats import Chats
from models.errors import ConfigError
from models.runtime.dotted import load_dotted
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.registry import RETRIEVERS, open_retriever
from retrieval.types import RetrievedEvidence, Retriever
from tests.retrieval.fakes import MemoryStore, ScriptedChat, WordEncoder, chunk_id, world

ON_ANY_STORE = [name for name in RETRIEVERS if name != "cypher"]
WITH_PASSAGES = [name for name in ON_ANY_STORE if name != "global"]
MODEL = "tests.retrieval.fakes:ScriptedChat"
NEEDED = {
    "rerank": {"reranker": "tests.retrieval.fakes:OverlapReranker"},
    "auto": {"retrievers": {"single": "dense", "linked": "graph", "corpus": "rag"}},
    **{name: {"model": MODEL} for name in ("global", "drift")},
}
"""Settings without which a retriever cannot be opened here."""
BRIDGE = "Where was the designer of the Aldermoon Bridge born?"


@pytest.fixture
def index(tmp_path: Path) -> GraphIndex:
    return GraphIndex.open(MemoryStore(world()), tmp_path, WordEncoder(256))


@pytest.fixture
def plain_index(tmp_path: Path) -> GraphIndex:
    rows = [row for row in world() if not isinstance(row, Entity | Fact)]
    return GraphIndex.open(MemoryStore(rows), tmp_path / "plain", WordEncoder(256))


def opened(name: str, index: GraphIndex) -> Retriever:
    """A retriever whose model, if it calls one, writes no follow-up question."""
    chats = Chats(lambda _: nullcontext(ScriptedChat({"questions": []})))
    return open_retriever(name, index, index.encoder, NEEDED.get(name, {}), chats)


@pytest.mark.parametrize("name", WITH_PASSAGES)
def test_every_retriever_finds_the_article_in_question(index: GraphIndex, name: str) -> None:
    found = opened(name, index).retrieve("How many votes elected the mayor of Pellin?", 3)
    assert found.passages[0].chunk_id == chunk_id("Pellin")
    assert len(found.passages) <= 3
    assert len({passage.chunk_id for passage in found.passages}) == len(found.passages)
    scores = [passage.score for passage in found.passages]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("name", ON_ANY_STORE)
def test_the_same_question_gives_the_same_evidence(index: GraphIndex, name: str) -> None:
    retriever = opened(name, index)
    assert retriever.retrieve(BRIDGE, 5) == retriever.retrieve(BRIDGE, 5)


@pytest.mark.parametrize("name", ON_ANY_STORE)
def test_an_empty_knowledge_base_gives_nothing(tmp_path: Path, name: str) -> None:
    index = GraphIndex.open(MemoryStore(), tmp_path, WordEncoder())
    assert opened(name, index).retrieve(BRIDGE, 5) == RetrievedEvidence()


@pytest.mark.parametrize("name", ON_ANY_STORE)
def test_a_limit_above_the_number_of_passages_is_no_error(index: GraphIndex, name: str) -> None:
    assert len(opened(name, index).retrieve(BRIDGE, 500).passages) <= 5


def test_bm25_finds_nothing_for_unknown_words(index: GraphIndex) -> None:
    assert open_retriever("bm25", index, index.encoder, {}).retrieve("zyx wvu", 5) == RetrievedEvidence()


def test_the_graph_reaches_a_passage_that_shares_no_word_with_the_question(index: GraphIndex) -> None:
    question = "What is known of the person who designed the Aldermoon Bridge?"
    lexical = open_retriever("bm25", index, index.encoder, {}).retrieve(question, 3)
    graph = open_retriever("graph", index, index.encoder, {"keep": 1}).retrieve(question, 3)
    assert [passage.chunk_id for passage in lexical.passages] == [chunk_id("Bridge")]
    assert [passage.chunk_id for passage in graph.passages][:2] == [chunk_id("Bridge"), chunk_id("Tarn")]


def test_the_graph_returns_facts_with_their_sentences(index: GraphIndex) -> None:
    found = open_retriever("graph", index, index.encoder, {}).retrieve(BRIDGE, 3)
    told = {(fact.subject, fact.predicate, fact.object): fact.sentence for fact in found.facts}
    assert told["Ivo Tarn", "was born in", "Pellin"] == "Ivo Tarn was born in Pellin."


def test_plain_rag_keeps_its_first_passages_in_front_of_the_walk(index: GraphIndex) -> None:
    for question in (BRIDGE, "What keeps for years?", "Who is mayor of Pellin?"):
        rag = open_retriever("rag", index, index.encoder, {}).retrieve(question, 5).passages
        graph = open_retriever("graph", index, index.encoder, {}).retrieve(question, 5).passages
        assert [p.chunk_id for p in graph[:2]] == [p.chunk_id for p in rag[:2]]


def test_without_a_graph_the_graph_retriever_is_plain_rag(plain_index: GraphIndex) -> None:
    rag = open_retriever("rag", plain_index, plain_index.encoder, {})
    graph = open_retriever("graph", plain_index, plain_index.encoder, {})
    for question in (BRIDGE, "Honey?", "zyx wvu"):
        assert graph.retrieve(question, 4) == rag.retrieve(question, 4)


def test_a_question_that_points_at_no_entity_gets_plain_rag(index: GraphIndex) -> None:
    settings = {"seeds": {"facts": 0}}
    graph = open_retriever("graph", index, index.encoder, settings).retrieve("What keeps for years?", 3)
    assert graph == open_retriever("rag", index, index.encoder, {}).retrieve("What keeps for years?", 3)


def test_the_digest_names_index_retriever_and_settings(index: GraphIndex, plain_index: GraphIndex) -> None:
    digests = {
        open_retriever(name, made, made.encoder, settings).digest
        for name, made, settings in (
            ("rag", index, {}),
            ("rag", plain_index, {}),
            ("rag", index, {"rrf_k": 20}),
            ("graph", index, {}),
            ("graph", index, {"seeds": {"facts": 3}}),
            ("bm25", index, {}),
            ("dense", index, {}),
        )
    }
    assert len(digests) == 7
    assert open_retriever("rag", index, index.encoder, {"rrf_k": 10}).digest in digests  # the default, spelled out


class OwnRetriever:
    """Someone else's retriever."""

    name = "own"
    digest = "own"

    class Settings(BaseModel):
        model_config = ConfigDict(extra="forbid")
        size: int = 1

    def __init__(self, index: GraphIndex, settings: Settings, chats: Chats) -> None:
        self.size, self.chats = settings.size, chats

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        return RetrievedEvidence()


def test_a_dotted_path_opens_ones_own_retriever(index: GraphIndex) -> None:
    with Chats(lambda name: pytest.fail(f"nobody asked for {name}")) as chats:
        own = open_retriever(f"{__name__}:OwnRetriever", index, index.encoder, {"size": 7}, chats)
        assert (own.size, own.chats) == (7, chats)  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="calls a chat model"):
        open_retriever(f"{__name__}:OwnRetriever", index, index.encoder, {"size": 7})


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("bm52", {}, "Did you mean 'bm25'.*Expected one of: bm25, dense, rag, rerank, graph, ppr"),
        ("nowhere_at_all:Thing", {}, "cannot be imported"),
        ("json:JSONDecoder", {}, "not a retriever"),
        ("rag", {"k": 3}, "Unknown setting 'k'.*Expected one of: depth, rrf_k"),
        ("graph", {"seeds": {"facts": -1}}, "seeds.facts"),
    ],
)
def test_wrong_names_and_settings_say_what_is_right(index: GraphIndex, name: str, settings: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        open_retriever(name, index, index.encoder, settings)


@pytest.mark.parametrize("name", RETRIEVERS)
def test_a_retriever_is_in_the_file_of_its_name(name: str) -> None:
    entry = RETRIEVERS[name]
    retriever = load_dotted(entry) if isinstance(entry, str) else entry
    file = "global_search" if name == "global" else name  # `global` is a keyword of Python
    assert retriever.__module__ == f"retrieval.retrievers.{file}"
    assert retriever.name == name


@pytest.mark.parametrize("name", RETRIEVERS)
def test_every_setting_of_a_retriever_is_described(name: str) -> None:
    entry = RETRIEVERS[name]
    retriever = load_dotted(entry) if isinstance(entry, str) else entry
    docs = "\n".join(inspect.getdoc(kind) or "" for kind in retriever.Settings.__mro__ if issubclass(kind, BaseModel))
    undescribed = [field for field in retriever.Settings.model_fields if f"    {field}: " not in docs]
    assert undescribed == []


def test_another_encoder_than_the_indexs_is_refused(index: GraphIndex) -> None:
    with pytest.raises(ConfigError, match="Open the index with the encoder"):
        open_retriever("dense", index, WordEncoder(8), {})
