"""Loading causal models and adapters: what fits loads, what does not says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.errors import ConfigError, ModelError
from models.local.causal import adapter_digest, attach_adapter, context_length, load_causal, pick_device, pick_dtype
from models.weights.resolve import resolve


def test_dtype_device_and_mode(cache: Path, tiny_folder: Path) -> None:
    import torch

    model, tokenizer = load_causal(resolve(str(tiny_folder)), "bfloat16", "cpu")
    assert model.dtype == torch.bfloat16
    assert model.device.type == "cpu"
    assert not model.training
    assert context_length(model) == 256
    assert tokenizer.decode(tokenizer("The ferry")["input_ids"]) == "The ferry"


def test_a_folder_without_a_configuration(cache: Path, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({}, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="cannot be loaded as a causal language model"):
        load_causal(resolve(str(tmp_path)), "float32", "cpu")


def test_a_named_device_stays(cache: Path) -> None:
    assert pick_device("cuda:1") == "cuda:1"
    assert pick_device("auto") in ("cpu", "cuda", "mps")


@pytest.mark.parametrize(
    ("processor", "expected"), [("AVX512", "bfloat16"), ("AVX512_BF16", "bfloat16"), ("AVX2", "float32")]
)
def test_bfloat16_only_where_the_processor_computes_in_it(
    processor: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: processor)
    assert pick_dtype("auto", "cpu") == expected
    assert pick_dtype("float16", "cpu") == "float16"


def test_a_folder_that_is_no_adapter(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.bin").write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"missing adapter_model\.safetensors"):
        adapter_digest(tmp_path)


def test_adapter_of_another_model(cache: Path, tiny_folder: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from safetensors.numpy import load_file, save_file

    weights = resolve(str(tiny_folder))
    config = LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")
    get_peft_model(load_causal(weights, "float32", "cpu")[0], config).save_pretrained(tmp_path / "good")
    file = tmp_path / "good" / "adapter_model.safetensors"
    before = adapter_digest(file.parent)
    tensors = load_file(file)

    save_file({name: tensor.repeat(2, axis=0).repeat(2, axis=1) for name, tensor in tensors.items()}, file)
    with pytest.raises(ModelError, match="does not fit LlamaForCausalLM"):
        attach_adapter(load_causal(weights, "float32", "cpu")[0], file.parent)
    assert adapter_digest(file.parent) != before

    save_file({name.replace("layers", "blocks"): tensor for name, tensor in tensors.items()}, file)
    with pytest.raises(ModelError, match="missing adapter keys"):
        attach_adapter(load_causal(weights, "float32", "cpu")[0], file.parent)

    save_file(tensors, file)
    settings = json.loads((file.parent / "adapter_config.json").read_text())
    (file.parent / "adapter_config.json").write_text(json.dumps(settings | {"target_modules": ["query"]}))
    with pytest.raises(ModelError, match="query"):
        attach_adapter(load_causal(weights, "float32", "cpu")[0], file.parent)
