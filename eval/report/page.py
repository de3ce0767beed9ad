"""Writes the report of a run: one HTML file that opens with a double click, made from the run folder alone.

    write_report(Path("workspaces/demo/runs/20310304T081500Z-saltmarsh-1f2e3d4c"))

Verdict, table of arms, four plots, paired comparisons, retrieval, every item with the answer and context of each arm,
and the provenance. The page loads nothing: plots are inline SVG, and its content security policy forbids any request
and any script but its own. The same folder gives the same bytes. Numbers come from `metrics.json`; their looks are left
to `report.html.j2`, `report.css` and `report.js`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from eval.report import numerals
from eval.report.finished_run import FinishedRun, answers_of, read_finished_run
from eval.report.items import item_views
from eval.report.kinds_plot import kind_plot
from eval.report.palette import arm_slots
from eval.report.plots import accuracy_plot, cost_plot, difference_plot
from eval.report.svg import Plot
from eval.report.verdict import LEVEL, verdict
from eval.runs.results import ArmSummary, SetupCost
from eval.statistics.stats import P_VALUES_EXPLAINED
from eval.systems import NONE
from eval.types import Comparison
from models.files.atomic import replace_text

if TYPE_CHECKING:
    from jinja2 import Environment

FILE_NAME = "report.html"
QUESTION = "What is the best way to give this model this knowledge?"
_LABELS = {"accuracy": "Accuracy", "contains": "Contains the answer", "exact_match": "Exact match"}
_SHOWN_ELSEWHERE = {"schema_version", "run", "name", "setup"}


def write_report(run_folder: Path) -> Path:
    """Write `report.html` into the folder of a finished run, completely or not at all.

    Args:
        run_folder: The run folder.
    Returns:
        Path of the page.
    Raises:
        InputError: It is not a run folder, or the run is not finished.
        StoreError: One of its files is damaged.
    """
    page = run_folder / FILE_NAME
    replace_text(page, render(read_finished_run(run_folder)))
    return page


def render(run: FinishedRun) -> str:
    """The page of a run, as HTML."""
    script = _own_file("report.js")
    slots = arm_slots(run.arms, run.floor, run.ceiling)
    label = _LABELS.get(run.result.headline, run.result.headline)
    text = _environment().get_template("report.html.j2").render(
        run=run,
        question=QUESTION,
        label=label,
        verdict=verdict(run),
        slots=slots,
        columns=_columns(_plots(run, slots, label, _in_order(run))),
        comparisons=_in_order(run),
        metric_names=sorted({name for arm in run.arms for name in arm.result.metrics} - {run.result.headline}),
        answers={arm.name: answers_of(arm) for arm in run.arms},
        facts=_facts(run),
        setup=[(cost, _users(cost, run.arms)) for cost in run.result.setup],
        items=item_views(run),
        provenance={key: value for key, value in run.manifest.items() if key not in _SHOWN_ELSEWHERE},
        level=LEVEL,
        p_values_explained=P_VALUES_EXPLAINED,
        style=_own_file("report.css"),
        script=script,
        # The content security policy allows this one script by its hash, so that no text in the page can run.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )  # fmt: skip
    # A lone surrogate, which JSON can hold and UTF-8 can't, must not cost the reader the whole page.
    return text.encode("utf-8", "replace").decode("utf-8")


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_own_file), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    names = ("percent", "points", "interval", "p_cell", "seconds", "count", "dollars")
    environment.filters.update({name: getattr(numerals, name) for name in names})
    return environment


def _own_file(name: str) -> str:
    return (files("eval.report") / name).read_text(encoding="utf-8")


def _in_order(run: FinishedRun) -> list[Comparison]:
    """The comparisons by what they are held against, then in the order of the table of arms."""
    baselines = list(dict.fromkeys(made.b for made in run.result.comparisons))
    rank = {arm.name: position for position, arm in enumerate(run.arms)}
    return sorted(run.result.comparisons, key=lambda made: (baselines.index(made.b), rank.get(made.a, len(rank))))


def _plots(run: FinishedRun, slots: Mapping[str, int], label: str, comparisons: Sequence[Comparison]) -> list[Plot]:
    if not run.arms:
        return []
    arms = [arm.result for arm in run.arms]
    answers = {arm.name: answers_of(arm) for arm in run.arms}
    plots = [
        accuracy_plot(arms, slots, run.chance, label),
        difference_plot(comparisons, slots),
        cost_plot(arms, slots, answers, label, run.ceiling.name if run.ceiling else ""),
        kind_plot(arms, run.by_kind, label),
    ]
    return [plot for plot in plots if plot is not None]


def _columns(plots: Sequence[Plot]) -> tuple[list[Plot], list[Plot]]:
    """Two columns of plots of about equal height: each plot goes into the shorter one."""
    columns: tuple[list[Plot], list[Plot]] = ([], [])
    for plot in plots:
        min(columns, key=lambda column: sum(one.height + 120 for one in column)).append(plot)
    return columns


def _facts(run: FinishedRun) -> list[tuple[str, str]]:
    """The line of facts under the title: model, task, corpus, scoring, cost."""
    manifest, count = run.manifest, numerals.count
    index, task = manifest.get("index") or {}, manifest.get("task") or {}
    kinds = len([kind for kind in run.by_kind if kind])
    corpus = [f"{count(index[part])} {part}" for part in ("documents", "chunks", "entities", "facts") if part in index]
    scoring = " · ".join(str(manifest[key]) for key in ("scoring", "normalisation") if manifest.get(key))
    dollars = sum(arm.result.cost_usd for arm in run.arms) + sum(cost.usd for cost in run.result.setup)
    facts = [
        ("Reader", str(manifest.get("reader") or "")),
        ("Task", str(task.get("name") or "")),
        ("Items", f"{count(len(run.items))}{f' of {kinds} kinds' if kinds > 1 else ''}"),
        ("Corpus", ", ".join(corpus) or "none indexed"),
        ("Context budget", f"{count(manifest['context_tokens'])} tokens" if manifest.get("context_tokens") else ""),
        ("Scoring", scoring if run.chance is not None else "short answers"),
        ("Date", str(manifest.get("created") or "")[:16].replace("T", " ")),
        ("Cost with set-up", numerals.dollars(dollars)),
    ]
    return [(name, value) for name, value in facts if value]


def _users(cost: SetupCost, arms: Sequence[ArmSummary]) -> list[str]:
    """Names of the arms that use a set-up: the index, the paraphrases, or one trained adapter."""
    stage, _, adapter = (part.strip() for part in cost.name.partition(":"))
    if stage == "index":
        return [arm.name for arm in arms if arm.retriever != NONE or arm.adapter]
    return [arm.name for arm in arms if arm.adapter and (not adapter or adapter in arm.adapter.split(", "))]
