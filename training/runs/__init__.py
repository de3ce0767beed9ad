"""One training run: from its request to a finished adapter folder, for any objective.

It knows neither texts nor losses; these belong to the objective that it is given.

    request.py         what is to be trained on texts, checked before anything is loaded
    resumable.py       a finished run is not repeated, and an interrupted one continues
    loop.py            the steps, and the protocol of an objective
    schedule.py        the learning rate of a step
    checkpoint.py      a run's state on disk, exact to the bit
    log.py             one JSON line per step
    publish.py         a trained model to a finished folder
    adapter.py         a finished folder: manifest, list, erasure

The names below are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from training.runs.adapter import AdapterManifest, adapter_folder, list_adapters, read_manifest, read_usable
    from training.runs.loop import Objective, fit
    from training.runs.resumable import TrainingRequest, train_once

__all__ = [
    "AdapterManifest",
    "Objective",
    "TrainingRequest",
    "adapter_folder",
    "fit",
    "list_adapters",
    "read_manifest",
    "read_usable",
    "train_once",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "adapter": ["AdapterManifest", "adapter_folder", "list_adapters", "read_manifest", "read_usable"],
        "loop": ["Objective", "fit"],
        "resumable": ["TrainingRequest", "train_once"],
    },
)
