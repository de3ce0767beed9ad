"""GGUF to safetensors: the tensors survive, once, and nothing half-made stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from models.errors import ModelError
from models.local.causal import load_causal
from models.weights.gguf import converted_folder, to_safetensors
from models.weights.resolve import Weights


def test_a_file_transformers_cannot_read(cache: Path, tmp_path: Path) -> None:
    import gguf

    file = tmp_path / "odd.gguf"
    writer = gguf.GGUFWriter(file, "no-such-architecture")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(ModelError, match=r"cannot read odd\.gguf"):
        to_safetensors(file, "0" * 64)
    assert not converted_folder("0" * 64).exists()
    assert list((cache / "converted").iterdir()) == []


@pytest.mark.models
@pytest.mark.parametrize(
    "name", ["smollm2-135m-instruct", pytest.param("qwen2.5-coder-1.5b-instruct", marks=pytest.mark.slow)]
)
def test_a_conversion_runs_once_and_keeps_the_tensors(name: str, pulled: Callable[[str], Weights]) -> None:
    import gguf
    import torch

    weights = pulled(name)
    assert weights.gguf is not None
    folder = to_safetensors(weights.gguf, weights.digest)
    made = (folder / "model.safetensors").stat().st_mtime_ns
    assert to_safetensors(weights.gguf, weights.digest) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == made

    model, tokenizer = load_causal(weights, "bfloat16", "cpu")
    assert tokenizer.chat_template
    assert not hasattr(model.config, "quantization_config")
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(weights.gguf).tensors}
    for packed, parameter in (
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("blk.3.ffn_down.weight", "model.layers.3.mlp.down_proj.weight"),
    ):
        expected = torch.from_numpy(gguf.dequantize(tensors[packed].data, tensors[packed].tensor_type)).bfloat16()
        assert torch.equal(model.get_parameter(parameter), expected)
