"""GGUF to safetensors, once.

transformers reads a GGUF file by unpacking its blocks, which takes 14 to 40 seconds at every load. So the first
load writes the unpacked model, in bfloat16, as an ordinary safetensors folder with its tokeniser and chat
template into the cache, and every later load is a memory map.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from models.errors import ModelError
from models.runtime.progress import SILENT, Progress, Step
from models.weights.convert import convert_once, converted_to

T = TypeVar("T")
FORMAT = "bf16-1"  # Raise it when a new conversion would give other weights.


def converted_folder(digest: str) -> Path:
    """Path of the safetensors form of the GGUF file with this digest, whether it exists yet or not."""
    return converted_to(digest, FORMAT)


def to_safetensors(gguf: Path, digest: str, progress: Progress = SILENT) -> Path:
    """Convert a GGUF file, unless it was converted before.

    Args:
        gguf: The file.
        digest: SHA-256 of the file, which names the result.
        progress: Reports that a conversion runs.
    Returns:
        Folder with config.json, model.safetensors (bfloat16), tokeniser and chat template.
    Raises:
        ModelError: transformers cannot read the file.
    """

    def convert(folder: Path) -> None:
        with progress.step(f"convert {gguf.name}, once", total=None, unit="tensors") as step:
            _convert(gguf, folder, step)

    return convert_once(converted_folder(digest), convert)


def _convert(gguf: Path, folder: Path, step: Step) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    from models.runtime.quiet import quiet_transformers

    quiet_transformers()
    try:
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
        # Without dequantize=True the weights stay in their blocks and cannot be saved.
        with _bar_as(step):
            model = AutoModelForCausalLM.from_pretrained(
                gguf.parent,
                gguf_file=gguf.name,
                quantization_config=GgufConfig(dequantize=True),
                dtype=torch.bfloat16,
                local_files_only=True,
            )
    except (ValueError, KeyError, NotImplementedError, RuntimeError) as error:
        raise ModelError(
            f"Expected a GGUF file of an architecture that transformers knows, but it cannot read {gguf.name}: "
            f"{error}. Use the llamacpp backend for this file, or give a safetensors folder."
        ) from error
    _forget_quantisation(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@contextmanager
def _bar_as(step: Step) -> Iterator[None]:
    """Let `step` count the tensors, where transformers would draw a bar of its own.

    transformers offers no hook for it, so the name of its progress bar is replaced for the time of the conversion.
    """
    from transformers import modeling_gguf_pytorch_utils as reader

    def counted(tensors: Iterable[T], **_: object) -> Iterator[T]:
        for tensor in tensors:
            yield tensor
            step.advance()

    bar = reader.tqdm
    reader.tqdm = counted
    try:
        yield
    finally:
        reader.tqdm = bar


def _forget_quantisation(model: object) -> None:
    """Make the dequantised model an ordinary one: saving it must not say it was quantised."""
    for name in ("hf_quantizer", "quantization_method", "is_quantized"):
        if name in vars(model):
            delattr(model, name)
    config = vars(model)["config"]
    if hasattr(config, "quantization_config"):
        del config.quantization_config
