"""A trained model to a finished adapter folder, which appears in one move or not at all.

PEFT writes into the run's own folder; the configuration is then written anew with its lists sorted, so that the
same training gives the same bytes in any process, and without the path the base model was loaded from.
"""

from __future__ import annotations

import json
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from models.local.causal import ADAPTER_FILES, adapter_digest
from models.weights.resolve import Weights
from training.config import HopConfig, TrainConfig
from training.runs.adapter import MANIFEST, Manifest
from training.runs.checkpoint import State, trainable
from training.runs.log import LOG
from training.runs.resumable import Asked


class Published(Asked, Protocol):
    """A request, and what its adapter's manifest says of it."""

    @property
    def base(self) -> str: ...
    @property
    def weights(self) -> Weights: ...
    @property
    def number_format(self) -> str: ...
    @property
    def config(self) -> TrainConfig | HopConfig: ...
    @property
    def counts(self) -> dict[str, int]: ...
    @property
    def texts_digest(self) -> str: ...
    @property
    def sources(self) -> tuple[str, ...]: ...


def publish(model: Any, request: Published, state: State, partial: Path, out: Path, left_out: int = 0) -> None:
    """Write the adapter's folder and move it to its place; the run's own folder goes.

    Args:
        model: PEFT model after its last step.
        request: What was asked for.
        state: What was done.
        partial: The run's own folder.
        out: Where the adapter goes; must not exist.
        left_out: Texts that were too long to be trained on.
    """
    folder = partial / "finished"
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
    for other in folder.iterdir():
        if other.name not in ADAPTER_FILES:
            other.unlink()  # PEFT's model card names the path that the base was loaded from
    _rewrite_config(folder / ADAPTER_FILES[0], request.weights.name)
    shutil.copyfile(partial / LOG, folder / LOG)
    manifest = _manifest(model, request, state, adapter_digest(folder), left_out)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    folder.rename(out)
    shutil.rmtree(partial)


def _rewrite_config(file: Path, base: str) -> None:
    config = json.loads(file.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base
    for name in ("target_modules", "exclude_modules", "modules_to_save"):
        if isinstance(config.get(name), list):
            config[name] = sorted(config[name])
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _manifest(model: Any, request: Published, state: State, digest: str, left_out: int) -> Manifest:
    import torch

    losses, epochs = state.losses, request.config.epochs
    size = len(losses) // epochs
    return Manifest(
        key=request.key,
        base=Path(request.base).name,
        base_weights=request.weights.name,
        base_digest=request.weights.digest,
        base_dtype=request.number_format,
        config=request.config,
        texts_digest=request.texts_digest,
        texts=request.counts,
        left_out=left_out,
        tokens=state.tokens,
        steps=state.step,
        trainable=sum(parameter.numel() for parameter in trainable(model).values()),
        epoch_loss=tuple(sum(losses[i * size : (i + 1) * size]) / size for i in range(epochs)),
        final_loss=losses[-1],
        seconds=state.seconds,
        starts=state.starts,
        threads=torch.get_num_threads(),
        device=model.device.type,
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "peft")},
        },
        adapter_digest=digest,
        sources=request.sources,
    )
