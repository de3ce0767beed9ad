"""Names to models: the right class, one copy of the weights, mistakes named."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import pytest

from models import factory
from models.errors import ConfigError
from models.factory import open_chat, open_encoder, open_reranker, open_scorer
from models.protocols import ChatRequest, Message
from models.weights.resolve import Weights
from tests.models.tiny_bert import save_tiny_bert

OWN = "own_models_for_this_test"


@pytest.fixture
def config(cache: Path, tiny_folder: Path, tmp_path: Path) -> str:
    file = tmp_path / "tiny.yaml"
    file.write_text(f"backend: transformers\nweights: {tiny_folder}\ndtype: float32\ndevice: cpu\n")
    return str(file)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the user's own, with a chat model that takes an adapter and something that is no model."""
    (tmp_path / f"{OWN}.py").write_text(
        "from models.protocols import Completion, Usage\n"
        "class Echo:\n"
        "    name = 'echo'\n"
        "    digest = 'echo-1'\n"
        "    def __init__(self, adapter=None):\n"
        "        self.adapter = adapter\n"
        "    def complete(self, request):\n"
        "        return Completion(request.messages[-1].content, Usage(1, 1), 'stop', 0.0)\n"
        "    def close(self):\n"
        "        pass\n"
        "class Nothing:\n"
        "    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return f"{OWN}:Echo"


def test_chat_and_scorer_share_the_weights_until_both_are_closed(config: str) -> None:
    scorer = open_scorer(config)
    chat = open_chat(config)
    assert len(factory._loaded) == 1
    assert scorer.score("The ferry", [" leaves", " comes"]).options[0].logprob < 0
    assert chat.complete(ChatRequest((Message("user", "Where?"),), max_tokens=4)).usage.tokens_out >= 1
    assert scorer.digest != chat.digest
    scorer.close()
    chat.close()
    gc.collect()
    assert len(factory._loaded) == 0


def test_the_users_own_chat_model(own: str, tmp_path: Path) -> None:
    chat = open_chat(own)
    assert chat.complete(ChatRequest((Message("user", "hello"),))).text == "hello"
    assert open_chat(own, adapter=tmp_path).adapter == tmp_path  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="ChatModel"):
        open_chat(f"{OWN}:Nothing")
    with pytest.raises(ConfigError, match="ChoiceScorer"):
        open_scorer(own)


@pytest.mark.parametrize(
    ("opener", "name", "message"),
    [
        (open_chat, "minilm", "not a chat model"),
        (open_scorer, "qwen-1.5b", "not a scorer"),
        (open_encoder, "smollm2-135m", "not an encoder"),
        (open_reranker, "minilm", "not a reranker"),
        (open_chat, "gpt-9", "Expected one of: "),
    ],
)
def test_the_wrong_kind_of_model_is_named(opener: object, name: str, message: str, cache: Path) -> None:
    assert callable(opener)
    with pytest.raises(ConfigError, match=message):
        opener(name)


def test_an_empty_folder_is_no_adapter_for_llamacpp_either(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No adapter in"):
        open_chat("qwen-1.5b", adapter=tmp_path)


def test_a_model_behind_a_server_refuses_an_adapter(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_MODEL", "some-model")
    with pytest.raises(ConfigError, match="openai backend, which cannot take the adapter"):
        open_chat("openai", adapter=tmp_path)


def test_a_missing_adapter_is_an_error_before_weights_are_loaded(config: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No adapter in"):
        open_scorer(config, adapter=tmp_path / "nothing")
    assert len(factory._loaded) == 0


def test_with_records_the_second_call_is_free_and_an_adapter_is_another_model(
    config: str, tiny_folder: Path, tmp_path: Path
) -> None:
    from peft import LoraConfig, get_peft_model

    from models.calls.records import Records
    from models.local.causal import load_causal
    from models.weights.resolve import resolve

    lora = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(load_causal(resolve(str(tiny_folder)), "float32", "cpu")[0], lora).save_pretrained(tmp_path / "a")
    records = Records(tmp_path / "records.sqlite")
    options = [" leaves", " comes"]
    scorer = open_scorer(config, records=records)
    first = scorer.score("The ferry", options)
    again = scorer.score("The ferry", options)
    assert (first.recorded, again.recorded) == (False, True)
    assert again.options == first.options
    fitted = open_scorer(config, tmp_path / "a", records=records).score("The ferry", options)
    assert not fitted.recorded
    assert fitted.options != first.options
    request = ChatRequest((Message("user", "Where?"),), max_tokens=4)
    chat = open_chat(config, records=records)
    assert [chat.complete(request).recorded for _ in range(2)] == [False, True]


def test_a_budget_without_records_is_refused(config: str) -> None:
    from models.calls.budget import Budget

    with pytest.raises(ConfigError, match="needs records"):
        open_scorer(config, budget=Budget(max_calls=1))


def test_every_kind_of_model_opens(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.servers.llamacpp import LlamaCppChat
    from models.servers.openai_chat import OpenAIChat

    monkeypatch.setenv("OPENAI_MODEL", "some-model")
    assert isinstance(open_chat("openai"), OpenAIChat)
    (tmp_path / "a.gguf").write_bytes(b"GGUF....")
    (tmp_path / "llama.yaml").write_text(f"backend: llamacpp\nweights: {tmp_path / 'a.gguf'}\n")
    assert isinstance(open_chat(str(tmp_path / "llama.yaml")), LlamaCppChat)
    folder = save_tiny_bert(tmp_path / "cross", labels=1)
    (tmp_path / "cross.yaml").write_text(f"backend: cross-encoder\nweights: {folder}\n")
    assert open_reranker(str(tmp_path / "cross.yaml")).rank("the ferry", ["a bridge"]).shape == (1,)


@pytest.mark.models
def test_minilm_opens(pulled: Callable[[str], Weights]) -> None:
    pulled("all-minilm-l6-v2")
    assert open_encoder("minilm").dimension == 384
