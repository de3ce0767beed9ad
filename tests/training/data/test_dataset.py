"""The training set that the settings ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kg.schema import Chunk, Document
from kg.stores.sqlite.store import SqliteStore
from models.errors import ConfigError
from models.protocols import ChatRequest, Completion, Usage
from training.config import TrainConfig
from training.data.dataset import training_set


class Retelling:
    """Answers with the first line of what it is asked, and says so."""

    name = "retelling"
    digest = "retelling"

    def __init__(self) -> None:
        self.asked: list[ChatRequest] = []

    def complete(self, request: ChatRequest) -> Completion:
        self.asked.append(request)
        content = request.messages[-1].content
        return Completion(f"Once more, {content.splitlines()[-1]}: Tern II sails.", Usage(3, 2), "stop", 0.0)

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """One document of two chunks."""
    text = "The ferry is Tern II. It sails at 9."
    filled = SqliteStore(tmp_path / "graph.sqlite")
    with filled.transaction():
        filled.put([Document("d:1", "a.md", "Ferry", text)])
        filled.put([Chunk("c:1", "d:1", 0, 0, 21, text[:21], 6), Chunk("c:2", "d:1", 1, 22, 36, text[22:], 5)])
    yield filled
    filled.close()


def test_raw_texts_alone_need_no_model(store: SqliteStore) -> None:
    dataset = training_set(store, TrainConfig())
    assert [text.source for text in dataset.texts] == ["c:1", "c:2"]
    assert dataset.paraphrased is None


def test_rewritings_follow_the_raw_texts(store: SqliteStore) -> None:
    dataset = training_set(store, TrainConfig(paraphrases=2), Retelling())
    assert [(text.kind, text.source) for text in dataset.texts] == [
        ("raw", "c:1"),
        ("raw", "c:2"),
        ("paraphrase", "c:1"),
        ("paraphrase", "c:1"),
    ]
    assert dataset.paraphrased is not None
    assert (dataset.paraphrased.wanted, len(dataset.paraphrased.failed)) == (4, 2)  # the second chunk's 9 is lost


def test_rewritings_alone_where_the_texts_are_not_wanted(store: SqliteStore) -> None:
    dataset = training_set(store, TrainConfig(paraphrases=1, whole_documents=True, raw=False), Retelling())
    assert [text.kind for text in dataset.texts] == ["paraphrase"]


def test_whole_documents_are_rewritten_whole(store: SqliteStore) -> None:
    dataset = training_set(store, TrainConfig(paraphrases=1, whole_documents=True), Retelling())
    assert [(text.kind, text.source) for text in dataset.texts] == [("raw", "d:1"), ("paraphrase", "d:1")]


def test_the_share_bounds_what_a_rewriting_may_take(store: SqliteStore) -> None:
    limits = {}
    for share in (0.5, 2.0):
        chat = Retelling()
        training_set(store, TrainConfig(paraphrases=1, paraphrase_share=share), chat)
        limits[share] = [request.max_tokens for request in chat.asked]
    assert all(small < large for small, large in zip(limits[0.5], limits[2.0], strict=True))


def test_rewritings_without_a_model_are_refused(store: SqliteStore) -> None:
    with pytest.raises(ConfigError, match="chat model"):
        training_set(store, TrainConfig(paraphrases=1))
