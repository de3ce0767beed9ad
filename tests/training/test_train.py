"""Training runs: what comes out, what a kill does, what a changed request does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from models.config import TransformersModel, load_model
from models.errors import ConfigError, GraftError, InputError, StoreError
from models.local.causal import attach_adapter, load_causal
from models.weights.resolve import resolve
from training.config import TrainConfig
from training.data.texts import TrainingText
from training.runs.adapter import list_adapters, read_manifest
from training.runs.checkpoint import CHECKPOINT
from training.train import train

Texts = tuple[TrainingText, ...]
CONFIG = TrainConfig(
    rank=2, epochs=4, sequence_length=16, batch_size=2, learning_rate=0.01, checkpoint_steps=4, dropout=0.1
)
WEIGHTS = "adapter_model.safetensors"


class WatchedProgress:
    """Progress that remembers its calls, and may raise or kill at a token count."""

    def __init__(self, stop_after: int | None = None, kill: bool = False) -> None:
        self.steps = 0
        self.done = 0.0
        self.total: float | None = None
        self.stop_after, self.kill = stop_after, kill

    @contextmanager
    def step(self, label: str, total: float | None, unit: str = "items", done: float = 0) -> Iterator[WatchedProgress]:
        if label == "train adapter":
            self.done, self.total = done, total
        yield self

    def advance(self, amount: float = 1) -> None:
        self.done += amount
        self.steps += 1
        if self.steps == self.stop_after:
            if self.kill:
                os.kill(os.getpid(), 9)
            raise KeyboardInterrupt

    def note(self, text: str) -> None:
        assert text


def rows(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "train_log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def finished(tiny_base: str, texts: Texts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One undisturbed run that others are compared with."""
    return train(tiny_base, texts, CONFIG, tmp_path_factory.mktemp("whole") / "a")


def same_weights(one: Path, other: Path) -> bool:
    return (one / WEIGHTS).read_bytes() == (other / WEIGHTS).read_bytes()


def test_training_lowers_the_loss_and_says_how_it_went(finished: Path, texts: Texts) -> None:
    manifest, log = read_manifest(finished), rows(finished)
    assert manifest.epoch_loss[-1] < manifest.epoch_loss[0] - 0.2
    characters = sum(len(text.text) + 1 for text in texts)  # the tiny tokeniser gives one token a character
    assert manifest.tokens == log[-1]["tokens"] == characters * CONFIG.epochs
    assert manifest.steps == len(log) == CONFIG.epochs * -(-characters // 32)
    assert [row["step"] for row in log] == list(range(1, manifest.steps + 1))
    assert log[-1]["loss"] == manifest.final_loss
    assert max(row["lr"] for row in log) == pytest.approx(CONFIG.learning_rate, rel=0.01)
    assert log[-1]["lr"] < 0.1 * CONFIG.learning_rate
    assert (manifest.starts, manifest.texts) == (1, {"raw": 5})


def test_the_folder_is_a_peft_adapter_that_names_no_path(finished: Path, tiny_base: str) -> None:
    import torch

    config = load_model(tiny_base)
    assert isinstance(config, TransformersModel)
    model, tokenizer = load_causal(resolve(config.weights), "float32", "cpu")
    ids = tokenizer("The Kittiwake", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        before = model(ids).logits
        after = attach_adapter(model, finished)(ids).logits
    assert not torch.allclose(before, after, atol=1e-3)
    assert sorted(file.name for file in finished.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "graft.json",
        "train_log.jsonl",
    ]
    assert all(str(Path(tiny_base).parent).encode() not in file.read_bytes() for file in finished.iterdir())
    assert json.loads((finished / "adapter_config.json").read_text())["base_model_name_or_path"] == "weights"


def test_the_same_request_gives_the_same_bytes_and_another_seed_does_not(
    finished: Path, tiny_base: str, texts: Texts, tmp_path: Path
) -> None:
    again = train(tiny_base, texts, CONFIG.model_copy(update={"checkpoint_steps": 1000}), tmp_path / "again")
    other = train(tiny_base, texts, CONFIG.model_copy(update={"seed": 1}), tmp_path / "other")
    assert same_weights(finished, again)
    assert read_manifest(finished).adapter_digest == read_manifest(again).adapter_digest
    assert not same_weights(finished, other)
    assert [path.name for path, _ in list_adapters(tmp_path)] == ["again", "other"]


CHILD = """
import json, sys
import torch
from pathlib import Path
from tests.training.test_train import WatchedProgress
from training.config import TrainConfig
from training.train import train
from training.data.texts import TrainingText

torch.set_num_threads(1)
base, out, stop, config = sys.argv[1:]
texts = [TrainingText.of(text, source) for text, source in json.load(sys.stdin)]
train(base, texts, TrainConfig.model_validate_json(config), Path(out), WatchedProgress(int(stop), kill=True))
"""


@pytest.mark.parametrize("stop", [2, 4, 11])
def test_a_run_killed_at_any_step_resumes_to_the_same_bytes(
    finished: Path, tiny_base: str, texts: Texts, tmp_path: Path, stop: int
) -> None:
    out = tmp_path / "a"
    child = subprocess.run(
        [sys.executable, "-c", CHILD, tiny_base, str(out), str(stop), CONFIG.model_dump_json()],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        input=json.dumps([[text.text, text.source] for text in texts]),
        text=True,
        capture_output=True,
        check=False,
    )
    assert child.returncode == -9, child.stderr
    assert not out.exists()
    assert list_adapters(tmp_path) == ()
    watched = WatchedProgress()
    train(tiny_base, texts, CONFIG, out, watched)
    manifest = read_manifest(out)
    kept = (
        (stop - 1) // CONFIG.checkpoint_steps * CONFIG.checkpoint_steps
    )  # the kill comes before its step's checkpoint
    assert watched.steps == manifest.steps - kept
    assert watched.done == watched.total == manifest.tokens
    assert manifest.starts == (2 if kept else 1)
    assert same_weights(finished, out)
    assert [(row["step"], row["loss"]) for row in rows(out)] == [(row["step"], row["loss"]) for row in rows(finished)]
    assert not out.with_name("a.partial").exists()


def test_a_stop_between_the_last_step_and_the_finished_folder_costs_no_step(
    finished: Path, tiny_base: str, texts: Texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("training.train.publish", fail)
        train(tiny_base, texts, CONFIG, tmp_path / "a")
    watched = WatchedProgress()
    train(tiny_base, texts, CONFIG, tmp_path / "a", watched)
    assert watched.steps == 0
    assert same_weights(finished, tmp_path / "a")


def test_a_finished_request_is_returned_at_once(
    finished: Path, tiny_base: str, texts: Texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("nothing may be loaded")

    monkeypatch.setattr("training.train.load_causal", fail)
    assert train(tiny_base, texts, CONFIG.model_copy(update={"checkpoint_steps": 7}), finished) == finished


def test_a_finished_folder_of_another_request_is_never_overwritten(
    finished: Path, tiny_base: str, texts: Texts
) -> None:
    before = (finished / WEIGHTS).read_bytes()
    with pytest.raises(ConfigError, match="another request"):
        train(tiny_base, texts[1:], CONFIG, finished)
    with pytest.raises(ConfigError, match="another request"):
        train(tiny_base, texts, CONFIG.model_copy(update={"rank": 3}), finished)
    assert (finished / WEIGHTS).read_bytes() == before


def test_a_foreign_folder_is_not_taken_for_an_adapter(tiny_base: str, texts: Texts, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    with pytest.raises(ConfigError, match=r"graft\.json"):
        train(tiny_base, texts, CONFIG, tmp_path / "notes")


def interrupt(base: str, texts: Sequence[TrainingText], out: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(base, texts, CONFIG, out, WatchedProgress(stop_after=5))


def test_a_changed_request_is_refused_on_resume_and_says_what_changed(
    tiny_base: str, texts: Texts, tmp_path: Path
) -> None:
    interrupt(tiny_base, texts, tmp_path / "a")
    with pytest.raises(ConfigError, match=r"differs: setting learning_rate\."):
        train(tiny_base, texts, CONFIG.model_copy(update={"learning_rate": 0.02}), tmp_path / "a")
    with pytest.raises(ConfigError, match=r"differs: texts\."):
        train(tiny_base, texts[:2], CONFIG, tmp_path / "a")


def test_a_damaged_checkpoint_is_named(tiny_base: str, texts: Texts, tmp_path: Path) -> None:
    interrupt(tiny_base, texts, tmp_path / "a")
    checkpoint = tmp_path / "a.partial" / CHECKPOINT
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(StoreError, match=CHECKPOINT):
        train(tiny_base, texts, CONFIG, tmp_path / "a")


def test_a_checkpoint_half_written_at_the_kill_does_no_harm(
    finished: Path, tiny_base: str, texts: Texts, tmp_path: Path
) -> None:
    interrupt(tiny_base, texts, tmp_path / "a")
    (tmp_path / "a.partial" / f".{CHECKPOINT}.1234abcd.part").write_bytes(b"half")
    train(tiny_base, texts, CONFIG, tmp_path / "a")
    assert same_weights(finished, tmp_path / "a")


def test_training_leaves_the_callers_random_numbers_alone(tiny_base: str, texts: Texts, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(tiny_base, texts, CONFIG.model_copy(update={"epochs": 1}), tmp_path / "a")
    assert torch.equal(torch.rand(3), expected)


def test_a_run_that_diverges_stops_with_the_step(tiny_base: str, texts: Texts, tmp_path: Path) -> None:
    wild = CONFIG.model_copy(update={"learning_rate": 1e30, "epochs": 20, "schedule": "constant"})
    with pytest.raises(GraftError, match="diverged"):
        train(tiny_base, texts, wild, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_base_that_cannot_be_trained_is_refused(texts: Texts, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="llamacpp"):
        train("qwen-1.5b", texts, CONFIG, tmp_path / "a")


def test_nothing_to_train_on_is_refused(tiny_base: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no texts"):
        train(tiny_base, [], CONFIG, tmp_path / "a")
    with pytest.raises(InputError, match="blank"):
        train(tiny_base, [TrainingText.of(" \n", "c:1")], CONFIG, tmp_path / "a")


def test_a_sequence_longer_than_the_context_is_refused(tiny_base: str, texts: Texts, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at most 128"):
        train(tiny_base, texts, CONFIG.model_copy(update={"sequence_length": 129}), tmp_path / "a")


def test_a_last_block_without_a_predicted_token_does_no_harm(tiny_base: str, tmp_path: Path) -> None:
    # 16 characters and the end token: the second block holds the end token alone.
    config = CONFIG.model_copy(update={"batch_size": 1})
    out = train(tiny_base, [TrainingText.of("x" * 16, "c:1")], config, tmp_path / "a")
    assert all(np.isfinite(row["loss"]) for row in rows(out))


def test_a_bfloat16_base_is_trained_with_a_float32_adapter(tiny_base: str, texts: Texts, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    base = tmp_path / "half.yaml"
    base.write_text(Path(tiny_base).read_text().replace("float32", "bfloat16"))
    out = train(str(base), texts, CONFIG, tmp_path / "a")
    manifest = read_manifest(out)
    assert manifest.epoch_loss[-1] < manifest.epoch_loss[0] - 0.2
    assert {tensor.dtype for tensor in load_file(out / WEIGHTS).values()} == {np.dtype(np.float32)}


def test_a_float16_base_is_refused(tiny_base: str, texts: Texts, tmp_path: Path) -> None:
    base = tmp_path / "half.yaml"
    base.write_text(Path(tiny_base).read_text().replace("float32", "float16"))
    with pytest.raises(ConfigError, match="bfloat16 or float32"):
        train(str(base), texts, CONFIG, tmp_path / "a")
