import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from kg.schema import Chunk, Document, Entity, Fact
from kg.stores.protocol import GraphStore
from kg.stores.sqlite.store import SqliteStore
from models.errors import ModelError
from models.protocols import Vectors
from models.runtime.progress import Step
from retrieval.index import arrays
from retrieval.index import graph_index as index_module
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import ScoredId
from tests.kg.windows import PieceEncoder
from tests.retrieval.fakes import MemoryStore, WordEncoder, chunk_id, world


class _Bars:
    def __init__(self) -> None:
        self.done: dict[str, float] = {}

    @contextmanager
    def step(self, label: str, total: float | None, unit: str = "items", done: float = 0) -> Iterator[Step]:
        bars = self
        bars.done[label] = done

        class _Bar:
            def advance(self, amount: float = 1) -> None:
                bars.done[label] += amount

            def note(self, text: str) -> None:
                return None

        yield _Bar()


def _folders(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_rows_of_the_store_become_arrays(tmp_path: Path, kind: str) -> None:
    store: GraphStore = MemoryStore(world()) if kind == "memory" else SqliteStore(tmp_path / "graph.sqlite")
    if kind == "sqlite":
        with store.transaction():
            store.put(world())
    index = GraphIndex.open(store, tmp_path / "index", WordEncoder())
    assert index.chunk_vectors.shape == (5, 64) and index.entity_vectors.shape == (5, 64)
    assert index.fact_ends.shape == (4, 2)
    assert index.step.shape == (10, 10)
    assert isinstance(index.chunk_vectors, np.memmap)
    assert [name for name in index.names if "tarn" in name] == ["ivo tarn"]
    (found,) = index.passages([ScoredId(chunk_id("Tarn"), 0.5)])
    assert (found.source, found.title, found.date, found.score) == ("tarn.md", "Tarn", "2029-02-11", 0.5)
    facts = {row.predicate: row.id for row in store.read(Fact)}
    (fact,) = index.facts([ScoredId(facts["was born in"], 1.0)])
    assert (fact.subject, fact.object, fact.title) == ("Ivo Tarn", "Pellin", "Tarn")
    assert fact.sentence == "Ivo Tarn was born in Pellin."
    store.close()


def test_passages_are_embedded_under_their_heading(tmp_path: Path) -> None:
    encoder = WordEncoder()
    GraphIndex.open(MemoryStore(world()), tmp_path, encoder)
    assert any(text.startswith("Tarn (2029-02-11): Ivo Tarn was born") for text in encoder.encoded)


def test_a_second_open_encodes_nothing_and_gives_the_same(tmp_path: Path) -> None:
    store = MemoryStore(world())
    first = GraphIndex.open(store, tmp_path, WordEncoder())
    encoder = WordEncoder()
    second = GraphIndex.open(store, tmp_path, encoder)
    assert encoder.encoded == []
    assert second.digest == first.digest
    assert np.array_equal(second.chunk_vectors, first.chunk_vectors)
    assert (second.step != first.step).nnz == 0


def test_a_change_encodes_only_what_changed_and_removes_the_old_folder(tmp_path: Path) -> None:
    store = MemoryStore(world())
    before = GraphIndex.open(store, tmp_path, WordEncoder())
    document = next(row for row in store.read(Document) if row.title == "Bees")
    chunk = next(row for row in store.read(Chunk) if row.document_id == document.id)
    store.put([replace(chunk, text="Bees dance in the dark.")])
    encoder, bars = WordEncoder(), _Bars()
    after = GraphIndex.open(store, tmp_path, encoder, bars)
    assert encoder.encoded == ["Bees (2030-07-07): Bees dance in the dark."]
    assert bars.done == {"embed passages": 1.0}
    assert after.digest != before.digest
    fresh = GraphIndex.open(store, tmp_path / "other", WordEncoder())
    assert np.array_equal(after.chunk_vectors, fresh.chunk_vectors)
    assert len([path for path in _folders(tmp_path) if path.name != "other"]) == 1


def test_another_layout_is_built_from_existing_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore(world())
    before = GraphIndex.open(store, tmp_path, WordEncoder())
    monkeypatch.setattr(index_module, "LAYOUT", index_module.LAYOUT + 1)
    encoder = WordEncoder()
    after = GraphIndex.open(store, tmp_path, encoder)
    assert encoder.encoded == [] and after.digest != before.digest
    assert np.array_equal(after.fact_vectors, before.fact_vectors)


def test_vectors_of_a_sibling_serve_where_the_folder_itself_is_damaged(tmp_path: Path) -> None:
    store = MemoryStore(world())
    GraphIndex.open(store, tmp_path, WordEncoder())
    (folder,) = _folders(tmp_path)
    shutil.copytree(folder, tmp_path / f"0{folder.name}")
    (folder / "fact_ends.npy").write_bytes(b"x" * (folder / "fact_ends.npy").stat().st_size)
    encoder = WordEncoder()
    assert GraphIndex.open(store, tmp_path, encoder).fact_ends.shape == (4, 2)
    assert encoder.encoded == []


def test_a_vector_that_is_no_number_is_refused(tmp_path: Path) -> None:
    class Broken(WordEncoder):
        def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
            return super().encode(texts, kind) * np.float32("nan")

    with pytest.raises(ModelError, match="NaN"):
        GraphIndex.open(MemoryStore(world()), tmp_path, Broken())
    assert list(tmp_path.iterdir()) == []


def test_two_encoders_of_one_store_live_side_by_side(tmp_path: Path) -> None:
    store = MemoryStore(world())
    GraphIndex.open(store, tmp_path, WordEncoder(64))
    GraphIndex.open(store, tmp_path, WordEncoder(32))
    again = WordEncoder(64)
    assert GraphIndex.open(store, tmp_path, again).chunk_vectors.shape == (5, 64)
    assert again.encoded == []


@pytest.mark.parametrize("damage", ["no meta", "cut short", "missing", "other key", "no array", "no table"])
def test_a_damaged_folder_is_rebuilt(tmp_path: Path, damage: str) -> None:
    store = MemoryStore(world())
    whole = np.array(GraphIndex.open(store, tmp_path, WordEncoder()).chunk_vectors)
    (folder,) = _folders(tmp_path)
    if damage == "no meta":
        (folder / "meta.json").unlink()
    elif damage == "cut short":
        with (folder / "chunk_vectors.npy").open("r+b") as handle:
            handle.truncate(200)
    elif damage == "missing":
        (folder / "step_data.npy").unlink()
    elif damage == "other key":
        key = (folder / "key.json").read_text()
        (folder / "key.json").write_text(json.dumps("0" * (len(key) - 2)))
    elif damage == "no array":
        size = (folder / "fact_ends.npy").stat().st_size
        (folder / "fact_ends.npy").write_bytes(b"x" * size)
    else:
        size = (folder / "names.json").stat().st_size
        (folder / "names.json").write_bytes(b"{" * size)
    index = GraphIndex.open(store, tmp_path, WordEncoder())
    assert np.array_equal(index.chunk_vectors, whole)
    assert index.fact_ends.shape == (4, 2)


def test_a_folder_that_another_process_removes_meanwhile_is_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, encoder = MemoryStore(world()), WordEncoder()
    GraphIndex.open(store, tmp_path, encoder)
    read, taken = arrays.read, []

    def taken_away(folder: Path) -> tuple[dict[str, arrays.Array], dict[str, Any]]:
        if len(taken) < 3:  # found whole, known vectors, and the arrays themselves
            taken.append(folder)
            (folder / "step_data.npy").unlink(missing_ok=True)
        return read(folder)

    monkeypatch.setattr(arrays, "read", taken_away)
    assert len(GraphIndex.open(store, tmp_path, encoder).chunk_ids) == 5
    assert len(taken) == 3


def test_a_killed_build_leaves_nothing_that_counts(tmp_path: Path) -> None:
    class Dying(WordEncoder):
        def encode(self, texts, kind="passage"):  # type: ignore[no-untyped-def]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        GraphIndex.open(MemoryStore(world()), tmp_path, Dying())
    assert not tmp_path.exists() or not _folders(tmp_path)
    assert len(GraphIndex.open(MemoryStore(world()), tmp_path, WordEncoder()).chunk_ids) == 5


def test_an_index_can_be_copied_elsewhere(tmp_path: Path) -> None:
    store = MemoryStore(world())
    GraphIndex.open(store, tmp_path / "here", WordEncoder())
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    encoder = WordEncoder()
    GraphIndex.open(store, tmp_path / "there", encoder)
    assert encoder.encoded == []


@pytest.mark.parametrize("without", [(Entity, Fact), (Fact,), (Document, Chunk, Entity, Fact)])
def test_a_store_without_some_kinds_still_opens(tmp_path: Path, without: tuple[type, ...]) -> None:
    rows = [row for row in world() if not isinstance(row, without)]
    index = GraphIndex.open(MemoryStore(rows), tmp_path, WordEncoder())
    assert len(index.fact_ids) == 0
    assert index.fact_ends.shape == (0, 2)
    assert index.step.shape == (len(index.entity_ids) + len(index.chunk_ids),) * 2


def test_a_fact_with_an_unknown_end_is_left_out(tmp_path: Path) -> None:
    rows = [row for row in world() if not (isinstance(row, Entity) and row.name == "Runa Fisk")]
    assert len(GraphIndex.open(MemoryStore(rows), tmp_path, WordEncoder()).fact_ids) == 3


def test_a_heading_longer_than_the_encoder_s_window_does_not_hide_the_passages(tmp_path: Path) -> None:
    title = "Minutes of the commission on the dykes of Pellin " * 4
    of = Document("d:long", "long.md", title, "The lock held. The dyke did not.")
    parts = [Chunk("c:one", of.id, 0, 0, 14, "The lock held.", 4), Chunk("c:two", of.id, 1, 15, 32, of.text[15:], 5)]
    encoder = PieceEncoder(20)
    index = GraphIndex.open(MemoryStore([of, *parts]), tmp_path, encoder)
    first, second = sorted(text for text in encoder.seen if "The" in text)
    assert first.endswith("The dyke did not.") and second.endswith("The lock held.")
    assert max(encoder.token_counts([first, second])) <= 20
    assert float(index.chunk_vectors[0] @ index.chunk_vectors[1]) < 0.999
    assert index.bm25.scores("commission").max() > 0  # words are searched in the whole heading
