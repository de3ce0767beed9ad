"""Training texts from a store: order, headings, identity."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kg.schema import Chunk, Document
from kg.stores.sqlite.store import SqliteStore
from training.data.texts import TrainingText, raw_texts, texts_digest


def document(source: str, text: str, title: str, date: str = "") -> Document:
    return Document(f"d:{source}", source, title, text, date)


def chunk(owner: Document, position: int, start: int, end: int) -> Chunk:
    # The ids run against the positions, so that an order by id would show.
    return Chunk(f"c:{9 - position}{owner.source}", owner.id, position, start, end, owner.text[start:end], 9)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Two documents, the second of two chunks, one of them blank at its ends."""
    first = document("b.md", "Rain fell. The dam held.", "Storm", "2031-03-04")
    second = document("a.md", "# Ferry\nThe ferry sails at nine.", "Ferry")
    filled = SqliteStore(tmp_path / "graph.sqlite")
    with filled.transaction():
        filled.put([first, second, chunk(first, 0, 0, 11), chunk(first, 1, 10, 24), chunk(second, 0, 0, 32)])
    yield filled
    filled.close()


def test_chunks_follow_documents_and_positions_under_title_and_date(store: SqliteStore) -> None:
    assert [text.text for text in raw_texts(store)] == [
        "# Ferry\nThe ferry sails at nine.",  # opens with its title already
        "Storm (2031-03-04)\n\nRain fell.",
        "Storm (2031-03-04)\n\nThe dam held.",
    ]
    assert [text.source for text in raw_texts(store)] == ["c:9a.md", "c:9b.md", "c:8b.md"]


def test_whole_documents_are_one_text_each(store: SqliteStore) -> None:
    texts = raw_texts(store, whole_documents=True)
    assert [text.source for text in texts] == ["d:a.md", "d:b.md"]
    assert texts[1].text == "Storm (2031-03-04)\n\nRain fell. The dam held."


def test_the_digest_of_a_training_set_sees_text_source_kind_and_order(store: SqliteStore) -> None:
    texts = raw_texts(store)
    one = TrainingText.of("Rain fell.", "c:1")
    digests = {
        texts_digest(texts),
        texts_digest(texts[::-1]),
        texts_digest([one]),
        texts_digest([TrainingText.of("Rain fell!", "c:1")]),
        texts_digest([TrainingText.of("Rain fell.", "c:2")]),
        texts_digest([TrainingText.of("Rain fell.", "c:1", "paraphrase")]),
    }
    assert len(digests) == 6
    assert texts_digest(raw_texts(store)) == texts_digest(texts)
