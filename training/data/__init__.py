"""Training sets: what is trained on, and how it is laid out in blocks.

Knows stores, chat models and token ids; nothing of the models that are trained.

    texts.py           texts of a store, each with the id of what it came from
    paraphrase.py      rewritings of them by a chat model
    dataset.py         both together, as the settings say
    hop_sets.py        passages and questions over them, for a hop encoder
    hop_questions.py   such questions from a graph's own paths, by a chat model
    packing.py         token ids to blocks of equal length

The names below are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from training.data.dataset import TrainingSet, open_training_set, training_set
    from training.data.hop_sets import HopQuestion, HopSet, read_hop_set
    from training.data.texts import TrainingText, raw_texts

__all__ = [
    "HopQuestion",
    "HopSet",
    "TrainingSet",
    "TrainingText",
    "open_training_set",
    "raw_texts",
    "read_hop_set",
    "training_set",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "dataset": ["TrainingSet", "open_training_set", "training_set"],
        "hop_sets": ["HopQuestion", "HopSet", "read_hop_set"],
        "texts": ["TrainingText", "raw_texts"],
    },
)
