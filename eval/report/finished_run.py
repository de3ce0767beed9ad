"""A finished run as the report needs it: metrics with the best arm first, items with their contexts and samples.

    run = read_finished_run(Path("workspaces/demo/runs/20310304T081500Z-saltmarsh-1f2e3d4c"))

Computes no result; every number comes from `metrics.json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.runs.folder import RunFolder
from eval.runs.results import ArmSummary, RunResult, load_run
from eval.systems import NONE, ORACLE
from eval.types import Context, Item, Sample

Kinds = dict[str, dict[str, tuple[float, int]]]
"""Accuracy and number of items, by kind of question and arm."""


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """The content of a run folder.

    Attributes:
        result: Metrics of the run.
        arms: Arms, best accuracy first; equal ones in the experiment's order.
        manifest: Versions, digests, seeds, hardware.
        config: The resolved experiment, as YAML text.
        items: Items, in the task's order.
        contexts: Contexts by item id, then by context key.
        samples: Samples by item id, then by arm: one sample a training seed.
    """

    result: RunResult
    arms: tuple[ArmSummary, ...]
    manifest: Mapping[str, Any]
    config: str
    items: tuple[Item, ...]
    contexts: Mapping[str, Mapping[str, Context]]
    samples: Mapping[str, Mapping[str, tuple[Sample, ...]]]

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return str(self.manifest.get("name") or self.result.run)

    @property
    def floor(self) -> ArmSummary | None:
        """The closed-book arm, with neither context nor adapter."""
        return next((arm for arm in self.arms if arm.retriever == NONE and not arm.adapter), None)

    @property
    def ceiling(self) -> ArmSummary | None:
        """The oracle arm; the better one if there are several."""
        return next((arm for arm in self.arms if is_oracle(arm)), None)

    @property
    def chance(self) -> float | None:
        """Expected accuracy of guessing; None if an item has no choices."""
        if not self.items or any(not item.choices for item in self.items):
            return None
        # Items may have different numbers of choices.
        return sum(1 / len(item.choices) for item in self.items) / len(self.items)

    @property
    def by_kind(self) -> Kinds:
        """Accuracy and number of items by kind of question, then by arm; kinds in alphabetical order."""
        kinds = sorted({kind for arm in self.arms for kind in arm.result.by_kind})
        table: Kinds = {kind: {} for kind in kinds}
        for arm in self.arms:
            for kind, cell in arm.result.by_kind.items():
                table[kind][arm.name] = cell
        return table


def is_oracle(arm: ArmSummary) -> bool:
    """Whether the arm was given the gold evidence: a ceiling, not a way of adding knowledge."""
    return arm.retriever.partition(":")[0] == ORACLE


def answers_of(arm: ArmSummary) -> int:
    """Number of answers of an arm: its items times its training seeds."""
    return arm.result.n * max(1, len(arm.seeds))


def read_finished_run(folder: Path) -> FinishedRun:
    """Read a finished run.

    Args:
        folder: The run folder.
    Raises:
        InputError: It is not a run folder, or the run is not finished.
        StoreError: A file is damaged.
    """
    result, run = load_run(folder), RunFolder(folder)
    config = run.file("config.yaml")
    return FinishedRun(
        result=result,
        arms=tuple(sorted(result.arms, key=lambda arm: -arm.result.accuracy)),
        manifest=run.manifest(),
        config=config.read_text(encoding="utf-8") if config.is_file() else "",
        items=run.items(),
        contexts=_contexts(run.contexts()),
        samples=_samples(run.samples(), run.manifest().get("arms") or ()),
    )


def _contexts(newest: Mapping[tuple[str, str], Context]) -> dict[str, dict[str, Context]]:
    table: dict[str, dict[str, Context]] = {}
    for (key, item_id), context in newest.items():
        table.setdefault(item_id, {})[key] = context
    return table


def _samples(
    newest: Mapping[tuple[str, str], Sample], arms: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, tuple[Sample, ...]]]:
    """Samples by item, then by arm; "lora#0" and "lora#1" are two seeds of "lora"."""
    owner = {name: arm["name"] for arm in arms for name in arm["samples"]}
    table: dict[str, dict[str, tuple[Sample, ...]]] = {}
    for (name, item_id), sample in newest.items():
        by_arm = table.setdefault(item_id, {})
        arm = owner.get(name, name.partition("#")[0])
        by_arm[arm] = (*by_arm.get(arm, ()), sample)
    return table
