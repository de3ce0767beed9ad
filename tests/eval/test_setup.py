"""Adapters in an experiment, with a random Llama of two layers that is really trained and scored."""

import json
from pathlib import Path

import pytest

from eval.config import load_experiment
from eval.experiment import run_experiment
from eval.runs.folder import RunFolder, run_folders
from models.errors import ConfigError
from tests.eval.scripted import write_world


@pytest.fixture
def tiny_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """File of a model configuration whose weights are random."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path / "cache"))
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE(vocab={letter: n for n, letter in enumerate(["<end>", *letters])}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>").save_pretrained(tmp_path / "weights")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=257, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1, max_position_embeddings=1024, eos_token_id=0, bos_token_id=0,
        )  # fmt: skip
        LlamaForCausalLM(config).save_pretrained(tmp_path / "weights")
    file = tmp_path / "tiny.yaml"
    file.write_text(f"backend: transformers\nweights: {tmp_path / 'weights'}\ndtype: float32\ndevice: cpu\n")
    return "tiny.yaml"


TRAIN = {"rank": 2, "epochs": 1, "sequence_length": 64, "batch_size": 2, "learning_rate": 0.01}


def run_world(folder, **changes):
    return run_experiment(load_experiment(write_world(folder, **changes)), workspace=folder / "kb")


def test_every_seed_trains_an_adapter_and_the_row_is_their_mean(tmp_path, tiny_reader):
    arms = ["closed-book", "rag", "lora", "lora-rag"]
    result = run_world(tmp_path, reader=tiny_reader, train={**TRAIN, "seeds": [1, 2]}, arms=arms, context_tokens=120)
    folder = RunFolder(result.path)
    assert {arm for arm, _ in folder.samples()} == {
        *("closed-book", "rag", "oracle", "lora#1", "lora#2", "lora-rag#1", "lora-rag#2"),
    }
    lora = result.arm("lora")
    assert set(lora.seeds) == {"1", "2"}
    assert lora.result.accuracy == pytest.approx(sum(lora.seeds.values()) / 2)
    assert lora.result.n == 4
    manifest = folder.manifest()
    assert manifest["seeds"]["train"] == [1, 2]
    assert {row["name"] for row in manifest["setup"]} == {
        "index",
        *(f"train: {row['name']}" for row in manifest["adapters"]),
    }
    assert all(row["tokens"] > 0 and row["seconds"] > 0 for row in manifest["adapters"])
    adapters = {path.name for path in (tmp_path / "kb" / "adapters").iterdir() if path.is_dir()}
    assert set(manifest["digests"]["readers"]) == {"", *adapters}
    assert len(set(manifest["digests"]["readers"].values())) == 3
    assert lora.adapter.split(", ") == sorted(adapters)


def test_an_adapter_changes_the_scores_and_is_trained_once(tmp_path, tiny_reader, monkeypatch):
    settings = {"reader": tiny_reader, "train": TRAIN, "context_tokens": 120}
    first = run_world(tmp_path, **settings, arms=["closed-book", "lora"])
    samples = RunFolder(first.path).samples()
    assert samples["lora", "q1"].scores != samples["closed-book", "q1"].scores

    def never(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr("training.train._train", never)
    second = run_world(tmp_path, **settings, arms=["closed-book", "lora"], passages=2)
    assert second.run != first.run
    assert RunFolder(second.path).samples()["lora", "q1"].scores == samples["lora", "q1"].scores


def test_an_arm_may_name_an_adapter_of_the_workspace(tmp_path, tiny_reader):
    settings = {"reader": tiny_reader, "context_tokens": 120}
    first = run_world(tmp_path, **settings, train=TRAIN, arms=["lora"])
    (name,) = [path.name for path in (tmp_path / "kb" / "adapters").iterdir() if path.is_dir()]
    arm = {"name": "mine", "adapter": name}
    second = run_world(tmp_path, **settings, arms=[arm])
    assert second.arm("mine").result.accuracy == first.arm("lora").result.accuracy
    assert second.arm("mine").adapter == name
    with pytest.raises(ConfigError, match="missing"):
        run_world(tmp_path, **settings, arms=[{**arm, "adapter": "missing"}])


def test_paraphrases_are_written_once_and_their_cost_is_kept(tmp_path, tiny_reader):
    train = {**TRAIN, "paraphrases": 1, "paraphraser": "tests.eval.scripted:Paraphraser"}
    result = run_world(tmp_path, reader=tiny_reader, train=train, arms=["lora"], context_tokens=120)
    manifest = RunFolder(result.path).manifest()
    assert manifest["paraphrases"]["asked"] == manifest["index"]["chunks"]
    (cost,) = [row for row in manifest["setup"] if row["name"] == "paraphrase"]
    assert (cost["seconds"], cost["tokens_out"]) == (pytest.approx(0.5 * 5), 5 * 7)
    again = run_world(tmp_path, reader=tiny_reader, train=train, arms=["lora"], context_tokens=121)
    assert next(row for row in again.setup if row.name == "paraphrase").seconds == pytest.approx(0.5 * 5)
    assert json.loads((again.path / "manifest.json").read_text())["adapters"] == manifest["adapters"]
    assert len(run_folders(tmp_path / "kb" / "runs")) == 2
