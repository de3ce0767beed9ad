import numpy as np

from eval.arms.oracle import Oracle
from eval.tasks.gold import GoldChunks
from eval.types import Item
from kg.schema import Chunk, Document
from retrieval.types import Passage, RetrievedEvidence

ITEM = Item("q", "?", (), -1, ("a",))
CHUNKS = [Chunk(f"c:{n}", "d:1", n, n, n + 1, f"text {n}", 10) for n in range(4)]


class Vectors:
    """The higher the number of a chunk, the nearer to every question."""

    chunk_ids = np.array([chunk.id.encode() for chunk in CHUNKS])
    chunk_vectors = np.array([[n / 10, 0.0] for n in range(4)], dtype=np.float32)

    def encode_question(self, question):
        return np.array([1.0, 0.0], dtype=np.float32)


class Plain:
    name = digest = "plain"

    def retrieve(self, question, limit):
        return RetrievedEvidence((Passage("c:plain", "d:2", "b.md", "B", "", f"{question} {limit}", 1.0),))


def ask(gold, budget=1000):
    oracle = Oracle({"q": gold}, {"d:1": Document("d:1", "a.md", "A", "…", "2031")}, Vectors(), Plain())
    return oracle.retrieve(ITEM, "why", 5, budget).passages


def test_quoted_chunks_come_in_the_order_of_the_quotes():
    passages = ask(GoldChunks(("d:1",), quoted=(CHUNKS[2], CHUNKS[0])))
    assert [passage.chunk_id for passage in passages] == ["c:2", "c:0"]
    assert passages[0].score > passages[1].score
    assert (passages[0].source, passages[0].title, passages[0].date) == ("a.md", "A", "2031")


def test_whole_documents_show_the_nearest_chunks_first():
    passages = ask(GoldChunks(("d:1",), quoted=(CHUNKS[1],), of_documents=tuple(CHUNKS)))
    assert [passage.chunk_id for passage in passages] == ["c:1", "c:3", "c:2", "c:0"]


def test_the_packer_gets_no_more_than_it_can_use():
    assert len(ask(GoldChunks(("d:1",), of_documents=tuple(CHUNKS)), budget=10)) == 2


def test_without_evidence_the_plain_retriever_answers():
    assert [(passage.chunk_id, passage.text) for passage in ask(GoldChunks())] == [("c:plain", "why 5")]
