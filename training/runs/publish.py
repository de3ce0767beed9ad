"""A trained model to a finished adapter folder, which appears in one move or not at all.

PEFT writes into the run's own folder; the configuration is then written again with its lists sorted, so that the same
training gives the same bytes in any process, and without the path from which the base model was loaded.
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
from training.runs.adapter import MANIFEST, AdapterManifest
from training.runs.checkpoint import TrainingState, trainable
from training.runs.log import LOG
from training.runs.resumable import TrainingRequest


class PublishableRequest(TrainingRequest, Protocol):
    """A request that also knows what its adapter's manifest says of it (`training.runs.adapter.AdapterManifest`)."""

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


def publish(
    model: Any, request: PublishableRequest, state: TrainingState, partial: Path, out: Path, left_out: int = 0
) -> None:
    """Write the adapter's folder, move it to its path and remove the run's own folder.

    Args:
        model: PEFT model after its last step.
        request: What was to be trained.
        state: What was done.
        partial: The run's own folder.
        out: Folder of the adapter; must not exist.
        left_out: Number of texts that were too long to be trained on.
    """
    # Beside the checkpoint, on the same file system, so that the last step is one rename.
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
            config[name] = sorted(config[name])  # PEFT keeps a set, whose order differs between processes
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _manifest(
    model: Any, request: PublishableRequest, state: TrainingState, digest: str, left_out: int
) -> AdapterManifest:
    import torch

    losses, epochs = state.losses, request.config.epochs
    size = len(losses) // epochs  # every epoch has as many steps
    epoch_losses = [losses[epoch * size : (epoch + 1) * size] for epoch in range(epochs)]
    return AdapterManifest(
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
        epoch_loss=tuple(sum(values) / size for values in epoch_losses),
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
