"""Chat in process: greedy, counted, cut off openly, and held to its schema."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.config import TransformersModel
from models.errors import ModelError, OutputError
from models.local.causal import CausalModel, open_causal
from models.local.chat import TransformersChat
from models.protocols import ChatModel, ChatRequest, Message
from models.weights.resolve import Weights

ASK = (Message("system", "Be brief."), Message("user", "Which town has a bridge?"))
SCHEMA = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}


@pytest.fixture
def causal(cache: Path, tiny_folder: Path) -> CausalModel:
    return open_causal("tiny", TransformersModel(weights=str(tiny_folder), dtype="float32", device="cpu"))


def teach(causal: CausalModel, request: ChatRequest, answer: str) -> None:
    """Train the tiny model until it gives this answer to this request."""
    import torch

    chat = TransformersChat(causal)
    asked = chat._inputs(causal, request)
    said = [*causal.tokenizer(answer)["input_ids"], causal.tokenizer.eos_token_id]
    ids = torch.tensor([asked + said])
    labels = torch.tensor([[-100] * len(asked) + said])
    optimiser = torch.optim.AdamW(causal.model.parameters(), lr=0.02)
    for _ in range(120):
        loss = causal.model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        if loss.item() < 0.02:
            break


def test_greedy_answers_repeat_and_are_counted(causal: CausalModel) -> None:
    chat = TransformersChat(causal)
    assert isinstance(chat, ChatModel)
    first = chat.complete(ChatRequest(ASK, max_tokens=8))
    again = chat.complete(ChatRequest(ASK, max_tokens=8))
    assert first.text == again.text
    assert first.usage == again.usage
    rendered = causal.tokenizer.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in ASK], add_generation_prompt=True, return_dict=True
    )
    assert first.usage.tokens_in == len(rendered["input_ids"])
    assert 1 <= first.usage.tokens_out <= 8


def test_an_answer_cut_off_is_marked(causal: CausalModel) -> None:
    teach(causal, ChatRequest(ASK), "Harrow has a bridge.")
    chat = TransformersChat(causal)
    whole = chat.complete(ChatRequest(ASK, max_tokens=40))
    assert (whole.text, whole.finish_reason, whole.parsed) == ("Harrow has a bridge.", "stop", None)
    cut = chat.complete(ChatRequest(ASK, max_tokens=2))
    assert (cut.finish_reason, cut.usage.tokens_out) == ("length", 2)
    assert whole.text.startswith(cut.text)


def test_json_is_parsed_and_checked(causal: CausalModel) -> None:
    request = ChatRequest(ASK, schema=SCHEMA, max_tokens=40)
    teach(causal, request, '{"town": "Harrow"}')
    done = TransformersChat(causal).complete(request)
    assert done.parsed == {"town": "Harrow"}
    with pytest.raises(OutputError, match="cut off after 3 tokens"):
        TransformersChat(causal).complete(ChatRequest(ASK, schema=SCHEMA, max_tokens=3))


def test_json_that_breaks_the_schema_is_an_error(causal: CausalModel) -> None:
    request = ChatRequest(ASK, schema=SCHEMA, max_tokens=40)
    teach(causal, request, '{"river": "Harrow"}')
    with pytest.raises(OutputError, match="town"):
        TransformersChat(causal).complete(request)


def test_an_empty_answer_is_an_error(causal: CausalModel) -> None:
    teach(causal, ChatRequest(ASK), "")
    with pytest.raises(OutputError, match="replied with an empty text"):
        TransformersChat(causal).complete(ChatRequest(ASK, max_tokens=5))


def test_the_model_sees_the_schema(causal: CausalModel) -> None:
    chat = TransformersChat(causal)
    text = causal.tokenizer.decode(chat._inputs(causal, ChatRequest(ASK, schema=SCHEMA)))
    assert '"required": ["town"]' in text
    assert text.index("Which town") < text.index("required")


def test_sampling_follows_its_seed_and_leaves_the_global_one_alone(causal: CausalModel) -> None:
    import torch

    chat = TransformersChat(causal)

    def sampled(seed: int) -> str:
        return chat.complete(ChatRequest(ASK, max_tokens=12, temperature=1.5, seed=seed)).text

    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    assert sampled(1) == sampled(1)
    assert len({sampled(seed) for seed in range(4)}) > 1
    assert torch.equal(torch.rand(1), expected)


def test_a_conversation_longer_than_the_context_is_refused(causal: CausalModel) -> None:
    with pytest.raises(ModelError, match="context of 256 tokens"):
        TransformersChat(causal).complete(ChatRequest((Message("user", "bridge " * 300),)))


def test_the_answer_stays_within_the_context(causal: CausalModel) -> None:
    done = TransformersChat(causal).complete(ChatRequest((Message("user", "the " * 235),), max_tokens=1000))
    assert done.usage.tokens_in + done.usage.tokens_out <= 256


def test_no_chat_template(causal: CausalModel) -> None:
    causal.tokenizer.chat_template = None
    with pytest.raises(ModelError, match="no chat template"):
        TransformersChat(causal)


def test_an_adapter_changes_answer_and_digest(causal: CausalModel, tiny_folder: Path, tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    base = TransformersChat(causal)
    before = base.complete(ChatRequest(ASK, max_tokens=8))
    config: Any = LoraConfig(r=4, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM")
    other = open_causal("tiny", TransformersModel(weights=str(tiny_folder), dtype="float32", device="cpu"))
    model = get_peft_model(other.model, config)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(0, 0.5)
    model.save_pretrained(tmp_path / "lora")
    fitted = TransformersChat(
        open_causal(
            "tiny", TransformersModel(weights=str(tiny_folder), dtype="float32", device="cpu"), tmp_path / "lora"
        )
    )
    assert fitted.digest != base.digest
    assert fitted.complete(ChatRequest(ASK, max_tokens=8)).text != before.text


def test_a_closed_chat_says_so(causal: CausalModel) -> None:
    chat = TransformersChat(causal)
    chat.close()
    with pytest.raises(ModelError, match="closed"):
        chat.complete(ChatRequest(ASK))


@pytest.mark.models
def test_smollm_answers_sensibly(pulled: Callable[[str], Weights]) -> None:
    pulled("smollm2-135m-instruct")
    chat = TransformersChat(open_causal("smollm2-135m", TransformersModel(weights="smollm2-135m-instruct")))
    done = chat.complete(ChatRequest((Message("user", "What is the capital of France?"),), max_tokens=30))
    assert "Paris" in done.text
    assert done.finish_reason == "stop"
