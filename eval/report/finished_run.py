"""A finished run as the report wants it: its metrics, best arm first, and its items with their contexts and samples.

    record = read_record(Path("workspaces/demo/runs/20310304T081500Z-saltmarsh-1f2e3d4c"))

No number of a result is computed here; they are those of `metrics.json`.
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


@dataclass(frozen=True, slots=True)
class Record:
    """What a run folder holds.

    Attributes:
        result: The metrics.
        arms: Best accuracy first; equal ones in the experiment's order.
        manifest: Versions, digests, seeds, hardware.
        config: The resolved experiment, as YAML text.
        items: In the task's order.
        contexts: By item id, then by retriever key.
        samples: By item id, then by arm: one sample a training seed.
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
        """The experiment's name."""
        return str(self.manifest.get("name") or self.result.run)

    @property
    def floor(self) -> ArmSummary | None:
        """The closed-book arm: neither context nor adapter."""
        return next((arm for arm in self.arms if arm.retriever == NONE and not arm.adapter), None)

    @property
    def ceiling(self) -> ArmSummary | None:
        """The oracle arm; the better one if there are several."""
        return next((arm for arm in self.arms if is_oracle(arm)), None)

    @property
    def chance(self) -> float | None:
        """Accuracy of guessing, over the items; None where an item has no choices."""
        if not self.items or any(not item.choices for item in self.items):
            return None
        return sum(1 / len(item.choices) for item in self.items) / len(self.items)

    @property
    def by_kind(self) -> Kinds:
        """Accuracy and number of items by kind of question, then by arm; kinds in alphabetical order."""
        kinds = sorted({kind for arm in self.arms for kind in arm.result.by_kind})
        return {
            kind: {arm.name: arm.result.by_kind[kind] for arm in self.arms if kind in arm.result.by_kind}
            for kind in kinds
        }


def is_oracle(arm: ArmSummary) -> bool:
    """True if the arm was given the gold evidence: a ceiling, not a way to deliver knowledge."""
    return arm.retriever.partition(":")[0] == ORACLE


def answers_of(arm: ArmSummary) -> int:
    """Number of answers behind an arm: its items, times its training seeds."""
    return arm.result.n * max(1, len(arm.seeds))


def read_record(folder: Path) -> Record:
    """Read a finished run.

    Args:
        folder: The run folder.
    Raises:
        InputError: It is no run folder, or the run is not finished.
        StoreError: A file is damaged.
    """
    result, run = load_run(folder), RunFolder(folder)
    config = run.file("config.yaml")
    return Record(
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
    """By item, then by arm; "lora#0" and "lora#1" are two seeds of "lora"."""
    owner = {name: arm["name"] for arm in arms for name in arm["samples"]}
    table: dict[str, dict[str, tuple[Sample, ...]]] = {}
    for (name, item_id), sample in newest.items():
        row = table.setdefault(item_id, {})
        arm = owner.get(name, name.partition("#")[0])
        row[arm] = (*row.get(arm, ()), sample)
    return table
