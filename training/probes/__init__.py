"""Probes: what an adapter has learnt, apart from whether it answers questions.

    probe.py           the loss of texts under the base model without and with the adapter
    cloze.py           the right name of four at the end of a sentence of the corpus

The names below are loaded when they are first used. `probe` shares the name of its file; import it from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from training.probes.cloze import ClozeResult, answer_items, cloze_items
    from training.probes.probe import ProbeResult

__all__ = ["ClozeResult", "ProbeResult", "answer_items", "cloze_items"]

__getattr__ = lazy_exports(
    __name__, {"cloze": ["ClozeResult", "answer_items", "cloze_items"], "probe": ["ProbeResult"]}
)
