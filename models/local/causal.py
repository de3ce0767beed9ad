"""A causal language model and its tokeniser in memory, with or without an adapter.

Used by the scorer, the in-process chat model and training, so that all three have the same weights. A GGUF file
is converted once (`models/weights/gguf.py`). Code that comes with a model is never run.
"""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.config import TransformersModel
from models.errors import ConfigError, ModelError
from models.files.digest import digest
from models.runtime.progress import SILENT, Progress
from models.runtime.quiet import quiet_transformers
from models.weights.filehash import cached_sha256
from models.weights.gguf import to_safetensors
from models.weights.resolve import Weights, resolve

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
ADAPTER_MANIFEST = "graft.json"
"""File that states what an adapter was made from, and whether it may still be used; see `training.runs.adapter`."""


@dataclass(slots=True, weakref_slot=True, eq=False)
class CausalModel:
    """A loaded model, shared by all that compute with it.

    Attributes:
        name: Name for tables and records, with `+adapter` behind it where there is one.
        model: transformers model, or PEFT model around it, in evaluation mode.
        tokenizer: Tokeniser of the model.
        digest: Digest of weights, number format and adapter.
        context_tokens: Maximum length of a text, in tokens; None where the architecture sets no limit.
        lock: Lock held while the model computes; one computation at a time is fastest and safe.
    """

    name: str
    model: Any
    tokenizer: Any
    digest: str
    context_tokens: int | None
    lock: threading.Lock = field(default_factory=threading.Lock)


def open_causal(
    name: str, config: TransformersModel, adapter: Path | None = None, progress: Progress = SILENT
) -> CausalModel:
    """Resolve and load the weights, and attach an adapter where one is given.

    Args:
        name: Name for tables and records.
        config: Weights, number format, device.
        adapter: Folder of a PEFT adapter.
        progress: Reports downloads and conversions.
    Raises:
        ConfigError: No such weights or adapter.
        ModelError: They cannot be fetched or loaded, or do not fit each other.
    """
    # The adapter is checked first: it costs nothing, and weights may take minutes to fetch.
    adapter_key = adapter_digest(adapter) if adapter is not None else None
    weights = resolve(config.weights, progress)
    model, tokenizer = load_causal(weights, config.dtype, config.device, progress)
    if adapter is not None:
        model = attach_adapter(model, adapter)
        name = f"{name}+{adapter.name}"
    model.eval()
    return CausalModel(
        name,
        model,
        tokenizer,
        digest("causal-2", weights.digest, pick_dtype(config.dtype, config.device), adapter_key),
        context_length(model),
    )


def load_causal(
    weights: Weights, dtype: str = "auto", device: str = "auto", progress: Progress = SILENT
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a causal language model and its tokeniser.

    Args:
        weights: A safetensors folder, or a GGUF file, which is converted first unless it was converted before.
        dtype: "auto", "bfloat16", "float16" or "float32".
        device: "auto", "cpu", "cuda", "cuda:0", "mps".
        progress: Reports a conversion.
    Returns:
        Model in evaluation mode on the device, and tokeniser.
    Raises:
        ModelError: transformers cannot load the folder.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quiet_transformers()
    folder = weights.folder
    if folder is None:
        assert weights.gguf is not None  # one of the two is set
        folder = to_safetensors(weights.gguf, weights.digest, progress)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, pick_dtype(dtype, device)), local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"{weights.name} cannot be loaded as a causal language model from {folder}: {error}. Expected a folder "
            "with config.json, safetensors and a tokeniser, of an architecture that transformers has built in."
        ) from error
    model.to(pick_device(device))
    model.eval()
    return model, tokenizer


def pick_device(device: str) -> str:
    """The device "auto" stands for: the first accelerator, else the processor; any other name as it is."""
    import torch

    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def pick_dtype(dtype: str, device: str) -> str:
    """The number format that "auto" stands for on a device; any other as it is.

    bfloat16 on accelerators that have it and on processors with AVX-512. A processor with AVX2 only computes in
    bfloat16 by way of float32: SmolLM2-135M then read 36 tokens a second instead of 173 and trained on 3 instead of 51.
    """
    import torch

    if dtype != "auto":
        return dtype
    picked = pick_device(device)
    if picked.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if picked == "mps" or torch.backends.cpu.get_cpu_capability().startswith("AVX512") else "float32"


def adapter_digest(folder: Path) -> str:
    """Digest of an adapter that may be used: its weights and its configuration.

    Raises:
        ConfigError: The folder is not a PEFT adapter in safetensors, or what it was trained on has been erased.
    """
    missing = [name for name in ADAPTER_FILES if not (folder / name).is_file()]
    if missing:
        raise ConfigError(
            f"No adapter in {folder}: expected {' and '.join(ADAPTER_FILES)}, missing {', '.join(missing)}. "
            "Give another folder."
        )
    refuse_erased(folder)
    return digest([cached_sha256(folder / name) for name in ADAPTER_FILES], size=32)


def refuse_erased(folder: Path) -> None:
    """Refuse an adapter that must not be used any more; one from elsewhere has no manifest of ours, and may be used.

    Raises:
        ConfigError: What it was trained on has been erased.
    """
    if reason := adapter_manifest(folder).get("erased"):
        raise ConfigError(f"{folder} must not be used: {reason}. Delete that folder, and train the adapter again.")


def adapter_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of an adapter (see `training.runs.adapter.AdapterManifest`); empty for an adapter from elsewhere."""
    try:
        manifest = json.loads((folder / ADAPTER_MANIFEST).read_bytes())
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def chat_ids(tokenizer: Any, turns: Sequence[dict[str, str]]) -> list[int]:
    """Token ids of a conversation under a model's chat template, up to where the model's reply begins.

    Raises:
        ModelError: The template refuses the conversation, as one without a system role does.
    """
    from jinja2 import TemplateError

    try:
        ids: list[int] = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"]
    except TemplateError as error:
        roles = ", ".join(turn["role"] for turn in turns)
        raise ModelError(
            f"The model's chat template refuses the roles {roles} ({error}). Take a model whose template has them."
        ) from error
    return ids


def end_tokens(causal: CausalModel) -> set[int]:
    """Ids of the tokens that end a reply."""
    configured = causal.model.generation_config.eos_token_id
    tokens = set(configured) if isinstance(configured, list) else {configured}
    return {int(token) for token in tokens | {causal.tokenizer.eos_token_id} if token is not None}


def attach_adapter(model: Any, folder: Path) -> Any:
    """Attach a PEFT adapter to a model in the model's number format; the weights stay apart, nothing is merged.

    Raises:
        ModelError: The adapter was made for another model.
    """
    from peft import PeftModel

    with warnings.catch_warnings():
        # PEFT only warns when a layer has no tensors in the adapter, and would continue with untrained ones.
        warnings.filterwarnings("error", message=".*missing adapter keys.*")
        warnings.filterwarnings("ignore", category=FutureWarning)  # PEFT asking transformers by an old name
        try:
            # In float32, as PEFT would have them, the factors double the time of a forward pass on a processor.
            adapted = PeftModel.from_pretrained(
                model, str(folder), is_trainable=False, autocast_adapter_dtype=False, local_files_only=True
            )
        except (RuntimeError, ValueError, KeyError, UserWarning) as error:
            raise ModelError(
                f"The adapter {folder} does not fit {type(model).__name__}: {error}. "
                "Give it the base model it was trained on."
            ) from error
    adapted.eval()
    return adapted


def context_length(model: Any) -> int | None:
    """Maximum length of a text that the model can read, in tokens, or None where its architecture sets no limit."""
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return int(limit) if limit else None
