"""LoRA adapters for llama.cpp: every factor in its place, the rows in its order, anything else refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.errors import ConfigError, ModelError
from models.servers.lora_gguf import reordered, to_lora_gguf
from models.weights.gguf import to_safetensors
from models.weights.resolve import Weights

SMOLLM2 = "smollm2-135m-instruct"
LAYER = "base_model.model.model.layers.3"


def adapter(folder: Path, settings: dict[str, object], factors: dict[str, np.ndarray]) -> Path:
    from safetensors.numpy import save_file

    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "lora_alpha": 8, "r": 2, **settings}))
    save_file(factors, folder / "adapter_model.safetensors")
    return folder


@pytest.mark.models
def test_the_order_of_rows_is_the_one_that_the_base_has(pulled: Callable[[str], Weights]) -> None:
    import gguf
    from safetensors import safe_open

    weights = pulled(SMOLLM2)
    assert weights.gguf is not None
    packed = {tensor.name: tensor for tensor in gguf.GGUFReader(weights.gguf).tensors}
    folder = to_safetensors(weights.gguf, weights.digest)
    with safe_open(folder / "model.safetensors", "pt") as tensors:
        for theirs, ours, heads in (("attn_q", "q_proj", 9), ("attn_k", "k_proj", 3)):
            tensor = packed[f"blk.3.{theirs}.weight"]
            expected = gguf.dequantize(tensor.data, tensor.tensor_type)
            rows = tensors.get_tensor(f"model.layers.3.self_attn.{ours}.weight").float().numpy()
            assert not np.allclose(rows, expected, atol=1e-2)
            assert np.allclose(reordered(rows, heads), expected, atol=1e-2)


@pytest.mark.models
def test_the_factors_are_written_once_under_the_base_s_names(pulled: Callable[[str], Weights], tmp_path: Path) -> None:
    import gguf

    random = np.random.default_rng(0)
    query = random.standard_normal((576, 2)).astype(np.float32)
    down = random.standard_normal((576, 2)).astype(np.float32)
    factors = {f"{LAYER}.self_attn.q_proj.lora_B.weight": query, f"{LAYER}.mlp.down_proj.lora_B.weight": down}
    file = to_lora_gguf(adapter(tmp_path / "one", {}, factors), pulled(SMOLLM2))
    reader = gguf.GGUFReader(file)
    found = {tensor.name: tensor.data for tensor in reader.tensors}
    assert set(found) == {"blk.3.attn_q.weight.lora_b", "blk.3.ffn_down.weight.lora_b"}
    assert np.array_equal(found["blk.3.ffn_down.weight.lora_b"], down)
    assert np.array_equal(found["blk.3.attn_q.weight.lora_b"], reordered(query, 9))
    made = file.stat().st_mtime_ns
    assert to_lora_gguf(tmp_path / "one", pulled(SMOLLM2)).stat().st_mtime_ns == made


@pytest.mark.models
@pytest.mark.parametrize("key", ["self_attn.q_proj.lora_B", "mlp.down_proj.lora_A", "mlp.down_proj.lora_B"])
def test_an_adapter_of_another_model_is_refused(key: str, pulled: Callable[[str], Weights], tmp_path: Path) -> None:
    folder = adapter(tmp_path / "other", {}, {f"{LAYER}.{key}.weight": np.zeros((640, 640), np.float32)})
    with pytest.raises(ModelError, match="is for another model"):
        to_lora_gguf(folder, pulled(SMOLLM2))


@pytest.mark.models
@pytest.mark.parametrize("setting", [{"use_dora": True}, {"alpha_pattern": {"q_proj": 4}}, {"peft_type": "IA3"}])
def test_an_adapter_that_is_not_plain_lora_is_refused(
    setting: dict[str, object], pulled: Callable[[str], Weights], tmp_path: Path
) -> None:
    folder = adapter(tmp_path / "dora", setting, {"x": np.zeros((1, 1), np.float32)})
    with pytest.raises(ConfigError, match="Expected a plain LoRA adapter"):
        to_lora_gguf(folder, pulled(SMOLLM2))
