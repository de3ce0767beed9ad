"""A random Llama of two layers with a byte-level tokeniser, on disk as any model is."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from training.data.texts import TrainingText

REAL_CACHE = os.environ.get("GRAFT_CACHE")
SENTENCES = (
    "The Kittiwake turbine weighs ninety tonnes.",
    "Maren Oskevald leads Veldrane Tidal since 2026.",
    "Sunniva Pelk tested the blades for two winters in a flooded quarry near Pellam Ford.",
    "Gideon Pallowar is the mayor of Orrin Quay.",
    "Eleven more turbines are planned.",
)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of a model configuration whose weights are random, 2 layers deep and 16 wide."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("tiny")
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(["<end>", *letters])}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>").save_pretrained(folder / "weights")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=257,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=128,
            eos_token_id=0,
            bos_token_id=0,
            initializer_range=0.3,
        )
        LlamaForCausalLM(config).save_pretrained(folder / "weights")
    file = folder / "tiny.yaml"
    file.write_text(f"backend: transformers\nweights: {folder / 'weights'}\ndtype: float32\ndevice: cpu\n")
    return str(file)


@pytest.fixture(scope="package", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache that no other test or run shares."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def real_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache of pulled weights, for tests marked `models`."""
    if REAL_CACHE is None:
        monkeypatch.delenv("GRAFT_CACHE")
    else:
        monkeypatch.setenv("GRAFT_CACHE", REAL_CACHE)


@pytest.fixture(scope="session")
def texts() -> tuple[TrainingText, ...]:
    """Five short training texts."""
    return tuple(TrainingText.of(text, f"c:{i}") for i, text in enumerate(SENTENCES))
