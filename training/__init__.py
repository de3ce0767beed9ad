"""Training: knowledge from a workspace's texts or graph into an adapter's weights.

Knows the store, and the encoder and texts of retrieval; nothing of evaluation or of arms.

    config.py          settings of a run
    data/              training sets: texts, rewritings of them, questions over paths; blocks of tokens
    methods/           how trainable weights are added to a base model (LoRA)
    runs/              one run: its request, loop, checkpoints, log, finished folder
    objectives/        what a run minimises: the next token, or the rank of the next passage
    train.py           adapters of a language model
    hops.py            adapters of an encoder that lead from passage to passage; workspace_hops.py for a workspace's own
    extractor.py       a small extractor that learns a workspace's extractions
    probes/            what an adapter has learnt

The names below are loaded when they are first used, so that `import training` costs nothing. `train` shares the name of
its file; import it from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from training.config import HopConfig, TrainConfig, load_config, parse_config
    from training.extractor import train_extractor
    from training.hops import train_hops
    from training.methods.lora import METHODS, find_method
    from training.workspace_hops import train_on_paths

__all__ = [
    "METHODS",
    "HopConfig",
    "TrainConfig",
    "find_method",
    "load_config",
    "parse_config",
    "train_extractor",
    "train_hops",
    "train_on_paths",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "config": ["HopConfig", "TrainConfig", "load_config", "parse_config"],
        "extractor": ["train_extractor"],
        "hops": ["train_hops"],
        "methods.lora": ["METHODS", "find_method"],
        "workspace_hops": ["train_on_paths"],
    },
)
