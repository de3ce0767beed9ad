"""A LoRA adapter in PEFT's format to the GGUF file that llama.cpp reads beside its base; each is converted once.

Only the factors' names and the order of some rows change: llama.cpp keeps the rows of the query and key projections of
Llama models in another order than transformers, so the second factor's rows are put in that order too.

    to_lora_gguf(Path("adapters/extractor"), resolve("smollm2-135m-instruct"))
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ConfigError, ModelError
from models.files.cache import cache_dir
from models.files.lock import exclusive
from models.local.causal import adapter_digest
from models.weights.resolve import Weights

if TYPE_CHECKING:
    from gguf import GGUFReader, TensorNameMap

FORMAT = "lora-1"  # Raise it when a new conversion would give other bytes.
_REORDERED = ("llama",)
_KNOWN = (*_REORDERED, "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3")
_OTHER_SCALES = ("use_dora", "use_rslora", "alpha_pattern", "rank_pattern")
Factor = NDArray[np.float32]


def to_lora_gguf(adapter: Path, base: Weights) -> Path:
    """Convert an adapter, unless it was converted before.

    Args:
        adapter: Folder of a PEFT adapter.
        base: The weights that it is for; they must be a GGUF file.
    Returns:
        GGUF file with the factors in float32.
    Raises:
        ConfigError: The folder is no LoRA adapter.
        ModelError: The base's architecture is not known here, or the adapter is for another base.
    """
    final = _folder() / f"{FORMAT}-{adapter_digest(adapter)[:16]}-{base.digest[:16]}.gguf"
    if final.exists():
        return final
    with exclusive(cache_dir() / "locks" / f"{final.name}.lock"):
        if not final.exists():
            final.parent.mkdir(parents=True, exist_ok=True)
            # Renamed when it is complete, so that a killed conversion leaves no half file.
            partial = final.with_name(f".{final.name}.partial")
            _convert(adapter, base, partial)
            partial.replace(final)
    return final


def remove_converted(digest: str) -> None:
    """Remove the converted files of the adapter with this `models.local.causal.adapter_digest`, whatever the base."""
    for file in _folder().glob(f"lora-*-{digest[:16]}-*.gguf"):
        file.unlink(missing_ok=True)


def is_known(base: Weights) -> bool:
    """Whether adapters for a GGUF file can be converted: whether its architecture is known here."""
    import gguf

    try:
        _shape(gguf.GGUFReader(str(base.gguf)), base)
    except ModelError:
        return False
    return True


def _folder() -> Path:
    return cache_dir() / "converted"


def _convert(adapter: Path, base: Weights, file: Path) -> None:
    import gguf
    from safetensors.numpy import load_file

    # The format of llama.cpp's convert_lora_to_gguf.py: two factors a layer, named after the base's tensor.
    settings = _settings(adapter)
    reader = gguf.GGUFReader(str(base.gguf))
    arch, heads, kv_heads, layers = _shape(reader, base)
    sizes = {tensor.name: tensor.shape.tolist() for tensor in reader.tensors}
    names = gguf.get_tensor_name_map(_arch(gguf, arch), layers)
    writer = gguf.GGUFWriter(file, arch)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(settings["lora_alpha"]))
    for key, factor in sorted(_float32(load_file(adapter / "adapter_model.safetensors")).items()):
        name, side = _layer(key, names, adapter)
        inner, outer = sizes.get(f"{name}.weight", (None, None))  # GGUF writes the inner dimension first
        # Factor a is (rank, inner) and factor b (outer, rank).
        if factor.shape[1 if side == "a" else 0] != (inner if side == "a" else outer):
            raise ModelError(
                f"The adapter {adapter} is for another model than {base.name}: {key} has the shape {factor.shape}, and "
                f"the layer goes from {inner} to {outer}. Give it the base that it was trained on."
            )
        if side == "b" and arch in _REORDERED and name.endswith(("attn_q", "attn_k")):
            factor = reordered(factor, heads if name.endswith("attn_q") else kv_heads)
        writer.add_tensor(f"{name}.weight.lora_{side}", np.ascontiguousarray(factor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def reordered(rows: Factor, heads: int) -> Factor:
    """Rows of each head's two halves, interleaved: llama.cpp rotates neighbours where transformers rotates halves.

    Args:
        rows: Second factor, array (out, rank), out = heads * 2 * n.
        heads: Number of attention heads.
    Returns:
        Array (out, rank).
    Example:
        >>> reordered(np.arange(4, dtype=np.float32)[:, None], 1).ravel().tolist()
        [0.0, 2.0, 1.0, 3.0]
    """
    halves = rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
    return halves.swapaxes(1, 2).reshape(rows.shape)


def _settings(adapter: Path) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    kind = settings.get("peft_type")
    other = [name for name in _OTHER_SCALES if settings.get(name)] or ([f"peft_type {kind}"] if kind != "LORA" else [])
    if other:
        raise ConfigError(
            f"Expected a plain LoRA adapter for llama.cpp, but {adapter} has {', '.join(other)}. Use the transformers "
            "backend."
        )
    return settings


def _shape(reader: GGUFReader, base: Weights) -> tuple[str, int, int, int]:
    """Architecture, attention heads, key-value heads and layers of a GGUF file."""

    def read(name: str) -> Any:
        field = reader.get_field(name)
        if field is None:
            raise ModelError(f"Expected a GGUF file of a language model, but {base.name} has no field {name}.")
        return field.contents()

    arch = str(read("general.architecture"))
    if arch not in _KNOWN:
        raise ModelError(
            f"{base.name} is of the architecture {arch}, and adapters can be converted for {', '.join(_KNOWN)} only. "
            "Use the transformers backend."
        )
    sizes = (read(f"{arch}.{name}") for name in ("attention.head_count", "attention.head_count_kv", "block_count"))
    heads, kv_heads, layers = map(int, sizes)
    return arch, heads, kv_heads, layers


def _arch(gguf: Any, arch: str) -> Any:
    return next(number for number, name in gguf.MODEL_ARCH_NAMES.items() if name == arch)


def _float32(factors: dict[str, Any]) -> dict[str, Factor]:
    return {name: factor.astype(np.float32) for name, factor in factors.items()}


def _layer(key: str, names: TensorNameMap, adapter: Path) -> tuple[str, str]:
    """Name of a factor's layer in GGUF, and whether it is the first (a) or the second (b)."""
    layer, _, side = key.removeprefix("base_model.model.").removesuffix(".weight").rpartition(".lora_")
    name = names.get_name(layer)
    if name is None or side not in ("A", "B"):
        raise ModelError(
            f"The adapter {adapter} has {key}, which no layer in a GGUF file of its base corresponds to. "
            "Use the transformers backend."
        )
    return name, side.lower()
