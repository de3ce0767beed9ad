"""What the command line does, as a few typed functions for notebooks and scripts.

    from app.api import ask, index
    summary = index("articles/", "kb", extractor="qwen-1.5b")
    answer = ask("Who leads Orrin Dynamics?", "kb")
    print(answer.text, [citation.source for citation in answer.citations])

Each function opens what it needs and closes it again; nothing is kept between calls.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.asking import AskSettings, ask, ask_at_length, search
from app.building import (
    delete,
    index,
    index_config,
    index_with,
    learn_schema,
    plan_delete,
    plan_index,
    plan_update,
    update,
)
from app.opening import PathLike, Spending
from app.training import probe, train, train_extractor, train_hops

if TYPE_CHECKING:
    from eval.config import Experiment
    from eval.runs.results import RunResult

__all__ = [
    "AskSettings",
    "Spending",
    "ask",
    "ask_at_length",
    "delete",
    "evaluate",
    "index",
    "index_config",
    "index_with",
    "learn_schema",
    "plan_delete",
    "plan_index",
    "plan_update",
    "probe",
    "search",
    "train",
    "train_extractor",
    "train_hops",
    "update",
]


def evaluate(
    experiment: PathLike | Experiment, workspace: PathLike | None = None, spending: Spending | None = None
) -> RunResult:
    """Run an experiment, go on with it, or read it from its records; writes its report.

    Args:
        experiment: YAML file, short name of a shipped one, or the configuration itself.
        workspace: Folder of the knowledge base and runs; None takes the experiment's own.
        spending: Budget and progress.
    """
    from eval.experiment import load_experiment, run_experiment
    from eval.report.page import write_report

    spending = spending or Spending()
    config = load_experiment(experiment) if isinstance(experiment, str | Path) else experiment
    result = run_experiment(
        config,
        workspace=Path(workspace) if workspace else None,
        budget=spending.budget(),
        progress=spending.progress,
        retry_failed=spending.retry_failed,
    )
    write_report(result.path)
    return result
