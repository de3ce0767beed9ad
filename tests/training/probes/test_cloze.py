"""Cloze items: which sentences give one, and what an adapter that learned them answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kg.schema import Chunk, Entity, Evidence
from kg.stores.sqlite.store import SqliteStore
from models.errors import InputError
from training.config import TrainConfig
from training.data.texts import TrainingText
from training.probes.cloze import OPTIONS, answer_items, cloze_items
from training.train import train

TEXT = (
    "Ada Lorne met Bo Wick. In the spring of that year the yard was led by Ada Lorne. "
    "The ferry to the islands was drawn by the architect Bo\nWick. "
    "The only one who ever spoke against it was Cy Marsh, and Di Holm kept silent."
)
PEOPLE = ("Ada Lorne", "Bo Wick", "Cy Marsh", "Di Holm", "Ed Vance")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """One passage that names four of five people."""
    plain = TEXT.replace("\n", " ")
    entities = []
    for number, name in enumerate(PEOPLE):
        starts = [start for start in range(len(plain)) if plain.startswith(name, start)]
        evidence = tuple(Evidence("c:1", start, start + len(name)) for start in starts)
        entities.append(Entity(f"e:{number}", name, "person", (), evidence))
    filled = SqliteStore(tmp_path / "graph.sqlite")
    with filled.transaction():
        filled.put([Chunk("c:1", "d:1", 0, 0, len(TEXT), TEXT, 40), *entities])
    yield filled
    filled.close()


def test_each_sentence_gives_one_item_that_stops_before_a_name(store: SqliteStore) -> None:
    items = cloze_items(store)
    asked = {item.prefix: item.options[item.answer] for item in items}
    assert len(items) == 3  # the first sentence has too few words before either name
    assert asked["In the spring of that year the yard was led by"] == "Ada Lorne"
    assert asked["The ferry to the islands was drawn by the architect"] == "Bo Wick"
    for item in items:
        assert len(set(item.options)) == OPTIONS
        assert set(item.options) <= set(PEOPLE)


def test_a_name_of_the_same_sentence_is_never_a_wrong_option(store: SqliteStore) -> None:
    for seed in range(5):
        for item in cloze_items(store, seed=seed):
            if item.prefix.startswith("The only one"):
                assert ("Cy Marsh" in item.options) != ("Di Holm" in item.options)


def test_the_draw_is_of_the_seed_and_bounded(store: SqliteStore) -> None:
    assert cloze_items(store, seed=3) == cloze_items(store, seed=3)
    assert len({cloze_items(store, seed=seed) for seed in range(9)}) > 1
    assert len(cloze_items(store, limit=2)) == 2


def test_a_store_without_four_of_a_type_gives_none(tmp_path: Path) -> None:
    empty = SqliteStore(tmp_path / "graph.sqlite")
    with empty.transaction():
        empty.put([Chunk("c:1", "d:1", 0, 0, len(TEXT), TEXT, 40), Entity("e:1", "Ada Lorne", "person", (), ())])
    assert cloze_items(empty) == ()
    empty.close()


def test_no_items_is_an_error_that_says_what_to_do(tiny_base: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a graph with 4 entities"):
        answer_items(tiny_base, tmp_path, ())


def test_an_adapter_trained_on_the_sentences_completes_them(tiny_base: str, store: SqliteStore, tmp_path: Path) -> None:
    items = [item for seed in range(4) for item in cloze_items(store, seed=seed)]
    texts = [TrainingText.of(f"{item.prefix} {item.options[item.answer]}.", "c:1") for item in items]
    config = TrainConfig(rank=16, epochs=60, sequence_length=128, batch_size=4, learning_rate=0.01)
    adapter = train(tiny_base, texts, config, tmp_path / "adapter")
    result = answer_items(tiny_base, adapter, items)
    assert result.items == len(items)
    assert result.adapter == 1 > result.base
