"""Hop encoders: they learn the step they are shown, a run that was killed continues, and what comes out can be used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.config import load_model
from models.errors import ConfigError, InputError
from models.factory import open_encoder
from retrieval.traversal.chains import hop_text
from tests.models.tiny_encoder import save_tiny_encoder
from training.config import HopConfig
from training.data.hop_sets import HopQuestion, HopSet
from training.hops import train_hops
from training.runs.adapter import read_manifest

PASSAGES = {
    "bridge": "bridge: the bridge has a ferry",
    "ferry": "ferry: the ferry leaves at nine",
    "town": "town: the town has a river",
    "river": "river: the river leaves the town",
}
QUESTIONS = (
    HopQuestion(question="which bridge has nine ?", first=("bridge",), passages=("bridge", "ferry")),
    HopQuestion(question="which town leaves at ?", first=("town",), passages=("town", "river")),
)
SET = HopSet("small", PASSAGES, QUESTIONS)
CONFIG = HopConfig(
    rank=4, learning_rate=0.02, warmup_steps=2, epochs=60, batch_size=4, checkpoint_steps=5, max_tokens=40
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("encoder")
    weights = save_tiny_encoder(folder / "weights")
    file = folder / "tiny.yaml"
    file.write_text(f"backend: sentence-transformers\nweights: {weights}\ndevice: cpu\n")
    return str(file)


@pytest.fixture(scope="module")
def trained(base: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_hops(base, [SET], CONFIG, tmp_path_factory.mktemp("trained") / "hops", sources=["c:2", "c:1"])


def ranks(base: str, adapter: Path | None) -> list[int]:
    """Places, from 1, of the passage wanted next after each question, and after question and first passage."""
    encoder = open_encoder(base)
    asking = encoder.for_hops(adapter) if adapter else encoder
    assert asking is not None
    passages, keys = encoder.encode(list(PASSAGES.values())), list(PASSAGES)
    places = []
    for question in QUESTIONS:
        for found, wanted in (((), question.first[0]), (question.first, question.passages[1])):
            vector = asking.encode([hop_text(question.question, [PASSAGES[key] for key in found])], "query")[0]
            order = [keys[row] for row in np.argsort(-(passages @ vector)) if keys[row] not in found]
            places.append(order.index(wanted) + 1)
    return places


def test_it_learns_the_steps_it_is_shown(base: str, trained: Path) -> None:
    assert sum(ranks(base, None)) > sum(ranks(base, trained)) <= 5  # four steps, at best 4


def test_the_manifest_says_what_it_was_made_of(base: str, trained: Path) -> None:
    manifest = read_manifest(trained)
    assert manifest.texts == {"small, after 0": 2, "small, after 1": 2}
    assert manifest.config == CONFIG
    assert manifest.sources == ("c:1", "c:2")
    assert manifest.steps == 60 and manifest.epoch_loss[0] > manifest.epoch_loss[-1]
    assert str(trained.parent) not in (trained / "adapter_config.json").read_text()


def test_a_killed_run_ends_with_the_same_weights(
    base: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(state: object, folder: Path, rate: float) -> None:
        if state.step == 33:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("training.runs.loop.check_finite", killed)
        train_hops(base, [SET], CONFIG, tmp_path / "hops")
    again = train_hops(base, [SET], CONFIG, tmp_path / "hops")
    assert read_manifest(again).adapter_digest == read_manifest(trained).adapter_digest
    assert read_manifest(again).starts == 2
    assert len((again / "train_log.jsonl").read_text().splitlines()) == 60


def test_a_finished_one_is_not_trained_again(base: str, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.hops._train", lambda *_: pytest.fail("trained again"))
    assert train_hops(base, [SET], CONFIG, trained) == trained
    with pytest.raises(ConfigError, match="adapter of another request"):
        train_hops(base, [SET], CONFIG.model_copy(update={"seed": 1}), trained)


def test_it_can_begin_with_an_adapter(base: str, trained: Path, tmp_path: Path) -> None:
    short = CONFIG.model_copy(update={"epochs": 1, "learning_rate": 1e-6})
    more = train_hops(base, [SET], short, tmp_path / "more", start=trained)
    assert ranks(base, more) == ranks(base, trained)
    assert read_manifest(more).epoch_loss[0] < read_manifest(trained).epoch_loss[0]


def test_an_adapter_of_other_weights_is_refused(trained: Path, tmp_path: Path) -> None:
    manifest = json.loads((trained / "graft.json").read_text())
    other = tmp_path / "other"
    other.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (other / name).write_bytes((trained / name).read_bytes())
    (other / "graft.json").write_text(json.dumps(manifest | {"base_digest": "0" * 64}))
    base = save_tiny_encoder(tmp_path / "weights")
    (tmp_path / "tiny.yaml").write_text(f"backend: sentence-transformers\nweights: {base}\nhops: other\ndevice: cpu\n")
    encoder = open_encoder(str(tmp_path / "tiny.yaml"))
    with pytest.raises(ConfigError, match="trained on other weights"):
        encoder.for_hops()


def test_texts_are_cut_where_training_cut_them(base: str, trained: Path) -> None:
    asking = open_encoder(base).for_hops(trained)
    assert asking is not None
    long, longer = "the ferry leaves " * 20, "the ferry leaves " * 20 + "river town"
    assert np.allclose(asking.encode([long], "query"), asking.encode([longer], "query"))


def test_an_encoder_without_an_adapter_has_no_hops(base: str) -> None:
    assert open_encoder(base).for_hops() is None


def test_wrong_input(base: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no questions"):
        train_hops(base, [HopSet("none", PASSAGES, ())], CONFIG, tmp_path / "out")
    with pytest.raises(ConfigError, match="is no encoder"):
        train_hops("qwen-1.5b", [SET], CONFIG, tmp_path / "out")
    assert load_model(base).backend == "sentence-transformers"
