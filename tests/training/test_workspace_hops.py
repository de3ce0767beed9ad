"""A workspace trains its own hop encoder from its graph's paths: further from the encoder's own, or from scratch."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from kg.config import IndexConfig
from kg.session import Session
from kg.workspace import Workspace
from models.calls.records import Budget, Records
from models.config import hops_of, load_model
from models.factory import open_encoder
from models.protocols import ChatModel
from retrieval.index.graph_index import GraphIndex
from retrieval.text.texts import passage_texts
from tests.models.tiny_encoder import save_tiny_encoder
from tests.retrieval.fakes import chunk_id
from tests.training.data.test_hop_questions import Writer, fill
from training.config import HopConfig
from training.data.hop_sets import HopQuestion, HopSet
from training.hops import train_hops
from training.runs.adapter import read_manifest
from training.workspace_hops import train_on_paths

CONFIG = HopConfig(rank=4, epochs=2, batch_size=4, max_tokens=40)


class Told(Session):
    """A session whose chat model describes and asks by rule."""

    def open_chat(self, name: str) -> closing[ChatModel]:
        """Writes the same for every path."""
        return closing(
            Writer(lambda _: {"described": "who designed Aldermoon Bridge", "question": "Where is Ivo Tarn?"})
        )


def trained(space: Workspace, config: HopConfig, out: Path | None = None) -> Path:
    _ = space.store
    with closing(Records(space.records_path)) as records:
        return train_on_paths(Told(space, records, Budget()), [], config, "qwen-1.5b", 10, out)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of an encoder that comes with an adapter for hops."""
    folder = tmp_path_factory.mktemp("encoder")
    bare = folder / "bare.yaml"
    bare.write_text(f"backend: sentence-transformers\nweights: {save_tiny_encoder(folder / 'weights')}\ndevice: cpu\n")
    question = HopQuestion(question="which river ?", first=("a",), passages=("a", "b"))
    given = HopSet("given", {"a": "the river", "b": "the town", "c": "the ferry"}, (question,))
    train_hops(str(bare), [given], CONFIG, folder / "own")
    file = folder / "tiny.yaml"
    file.write_text(bare.read_text() + "hops: own\n")
    return str(file)


@pytest.fixture
def space(encoder: str, tmp_path: Path) -> Workspace:
    made = Workspace.create(tmp_path / "kb", IndexConfig(extractor="none", encoder=encoder))
    fill(made.store)
    return made


def test_the_graph_retriever_takes_what_was_trained(space: Workspace, encoder: str) -> None:
    folder = trained(space, CONFIG)
    assert GraphIndex.of(space, open_encoder(encoder)).own_hops == folder
    assert {chunk_id("Bridge"), chunk_id("Tarn")} <= {*(read_manifest(folder).sources or ())}
    made = (folder / "graft.json").stat().st_mtime_ns
    trained(space, CONFIG)
    assert (folder / "graft.json").stat().st_mtime_ns == made


@pytest.mark.parametrize(
    ("config", "learning_rate"),
    [
        (CONFIG, 2e-4),
        (CONFIG.model_copy(update={"from_scratch": True}), 1e-3),
        (CONFIG.model_copy(update={"learning_rate": 1e-3}), 1e-3),
    ],
)
def test_it_trains_the_encoders_own_further_or_starts_from_scratch(
    space: Workspace, tmp_path: Path, config: HopConfig, learning_rate: float
) -> None:
    folder = trained(space, config, tmp_path / "hops")
    bridge, tarn = chunk_id("Bridge"), chunk_id("Tarn")
    question = HopQuestion(question="Where is who designed Aldermoon Bridge?", first=(bridge,), passages=(bridge, tarn))
    encoder = space.config.encoder
    start = None if config.from_scratch else hops_of(encoder, load_model(encoder))
    plain = CONFIG.model_copy(update={"learning_rate": learning_rate})
    same = train_hops(encoder, [HopSet("kb", passage_texts(space.store), (question,))], plain, tmp_path / "same", start)
    weights = [(each / "adapter_model.safetensors").read_bytes() for each in (folder, same)]
    assert weights[0] == weights[1]
    assert read_manifest(folder).config.learning_rate == learning_rate


def test_an_adapter_that_is_trained_further_is_another(space: Workspace, tmp_path: Path) -> None:
    on = trained(space, CONFIG.model_copy(update={"learning_rate": 1e-3}), tmp_path / "on")
    fresh = trained(space, CONFIG.model_copy(update={"from_scratch": True}), tmp_path / "fresh")
    assert (on / "adapter_model.safetensors").read_bytes() != (fresh / "adapter_model.safetensors").read_bytes()
