"""`graft eval`: run an experiment, list runs, compare two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.commands.evaluate.communities import communities
from app.commands.evaluate.extraction import extraction
from app.commands.evaluate.mine import mine
from app.commands.evaluate.resolution import resolution
from app.commands.evaluate.retrieval import retrieval
from app.options import (
    OrderedGroup,
    dry_run_option,
    json_option,
    parse_setting,
    spending_options,
    workspace_option,
)
from app.output import print_item_remarks, print_json, print_table, tokens, warn

if TYPE_CHECKING:
    from app.opening import Spending
    from eval.config import Experiment
    from eval.plan import ExperimentPlan
    from eval.runs.results import RunResult
    from eval.types import Comparison


@click.group("eval", cls=OrderedGroup)
def evaluate() -> None:
    """Run experiments; measure retrievers, extractors, graphs.

    An experiment answers the same questions with the same model in several ways, its arms: from the model's memory,
    from retrieved passages, from a graph, from a trained adapter, and from combinations of them. The other commands
    measure one part at a time against labelled data.

    \b
    Examples:
      graft eval run configs/experiments/demo.yaml
      graft eval ls --workspace workspaces/demo
    """


@evaluate.command()
@click.argument("experiment")
@click.option(
    "--workspace",
    "-w",
    envvar="GRAFT_WORKSPACE",
    show_envvar=True,
    metavar="DIR",
    show_default="the experiment's own",
    help="Folder of the knowledge base and the runs.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Setting that overrides the experiment's, such as index.store=neo4j; may be repeated.",
)
@click.option(
    "--examples",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    metavar="N",
    help="Also print N questions with the evidence and the answer of each arm.",
)
@spending_options()
@dry_run_option
@json_option
def run(
    experiment: str,
    workspace: str | None,
    settings: tuple[str, ...],
    examples: int,
    spending: Spending,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Run an experiment: index, train, retrieve, answer, compare.

    EXPERIMENT is a YAML file, or the name of one in configs/experiments. If the command is stopped, run it again: it
    resumes. If the experiment has finished already, the table is printed from its records, without a model call.

    \b
    Examples:
      graft eval run configs/experiments/demo.yaml --dry-run
      graft eval run configs/experiments/demo.yaml --json > demo.json
      graft eval run configs/experiments/demo.yaml --set index.store=neo4j -w workspaces/demo-neo4j
    """
    from app.api import evaluate
    from eval.experiment import load_experiment
    from eval.runs.results import index_items, setup_failures, to_json

    config = load_experiment(experiment, dict(map(parse_setting, settings)))
    if dry_run:
        _print_plan(config, workspace, as_json)
        return 0
    result = evaluate(config, workspace, spending)
    incomplete = setup_failures(result.path)
    report = result.path / "report.html"
    if as_json:
        items = index_items(result.path)
        print_json({**to_json(result), "setup_failures": incomplete, "index": items, "report": str(report)})
    else:
        _print_result(result)
        _print_examples(result.path, examples)
        click.echo(f"Report: {report}")
    print_item_remarks(index_items(result.path))
    for stage, (failed, planned) in incomplete.items():
        warn(f"{failed:,} of {planned:,} items failed in the stage {stage}; --retry-failed tries them again.")
    return 3 if result.failed or incomplete else 0


@evaluate.command("ls")
@workspace_option
@json_option
def list_runs_command(workspace: str | None, as_json: bool) -> None:
    """List the runs of a workspace, newest first.

    \b
    Examples:
      graft eval ls --workspace workspaces/demo
    """
    from app.opening import find_workspace
    from eval.runs.results import list_runs

    runs = list_runs(find_workspace(workspace))
    if as_json:
        documents = []
        for entry in runs:
            times = {"created": entry.created, "finished": entry.finished}
            documents.append({"run": entry.path.name, "path": str(entry.path), **times})
        print_json({"runs": documents})
        return
    rows = []
    for entry in runs:
        finished = entry.finished or "not finished; run it again to resume"
        rows.append([entry.path.name, str(entry.items), entry.reader, finished])
    print_table(["run", "questions", "model", "finished"], rows, right={1})


@evaluate.command()
@click.argument("run_a", type=click.Path(path_type=Path))
@click.argument("run_b", type=click.Path(path_type=Path))
@json_option
def compare(run_a: Path, run_b: Path, as_json: bool) -> None:
    """Compare the arms of two runs, paired by question.

    RUN_A and RUN_B are folders in WORKSPACE/runs; `graft eval ls` lists their names. Only questions that both runs
    answered count.

    \b
    Examples:
      graft eval compare kb/runs/20310304T081500Z-demo-1f2e3d4c kb/runs/20310305T091000Z-demo-5a6b7c8d
    """
    from eval.runs.results import compare_runs, load_run

    comparisons = compare_runs(load_run(run_a), load_run(run_b))
    if as_json:
        documents = [asdict(comparison) for comparison in comparisons]
        print_json({"a": run_a.name, "b": run_b.name, "comparisons": documents})
    else:
        # Both runs have the same arms, so that the runs' long names stand once, in the title.
        title = f"{run_a.name} − {run_b.name}"
        _print_comparisons(comparisons, [comparison.a.rpartition(":")[2] for comparison in comparisons], title)


def _print_plan(experiment: Experiment, workspace: str | None, as_json: bool) -> None:
    from app.progress import clock
    from eval.plan import plan_experiment

    planned: ExperimentPlan = plan_experiment(experiment, Path(workspace) if workspace else None)
    if as_json:
        print_json(planned.to_json())
        return
    rows = []
    for stage in planned.stages:
        counts = [f"{number:,}" for number in (stage.calls, stage.tokens_in, stage.tokens_out)]
        rows.append([stage.name, *counts, clock(stage.seconds), f"{stage.usd:.2f}"])
    seconds = sum(stage.seconds for stage in planned.stages)
    rows.append(["total", "", "", "", clock(seconds), f"{sum(stage.usd for stage in planned.stages):.2f}"])
    title = (
        f"{planned.name}: {planned.documents:,} documents, {planned.passages:,} passages. Estimates; nothing was spent"
    )
    headers = ["stage", "model calls", "tokens in", "tokens out", "time", "US dollars"]
    print_table(headers, rows, right={1, 2, 3, 4, 5}, title=title)


def _print_result(result: RunResult) -> None:
    rows = []
    for arm in result.arms:
        score = arm.result
        rows.append(
            [
                score.name,
                f"{score.accuracy:.3f}",
                f"{score.ci_low:.3f}–{score.ci_high:.3f}",
                f"{score.n:,}",
                f"{score.failed:,}",
                "–" if score.context_recall is None else f"{score.context_recall:.2f}",
                tokens(score.tokens_in, score.tokens_estimated),
                tokens(score.tokens_out, score.tokens_estimated),
                f"{score.seconds:,.1f}",
                f"{score.cost_usd:.4f}",
            ]
        )
    headers = [
        "arm", result.headline, "95 % interval", "questions", "failed", "evidence recall", "tokens in", "tokens out",
        "seconds", "US dollars",
    ]  # fmt: skip
    print_table(headers, rows, right=set(range(1, len(headers))), title=f"Run {result.run}")
    names = [f"{comparison.a} − {comparison.b}" for comparison in result.comparisons]
    _print_comparisons(result.comparisons, names)
    setup = []
    for cost in result.setup:
        counts = [tokens(number, cost.estimated) for number in (cost.tokens_in, cost.tokens_out)]
        setup.append([cost.name, f"{cost.seconds:,.1f}", *counts, f"{cost.usd:.4f}"])
    if setup:
        headers = ["cost of set-up", "seconds", "tokens in", "tokens out", "US dollars"]
        print_table(headers, setup, right={1, 2, 3, 4})


def _print_comparisons(comparisons: Sequence[Comparison], names: Sequence[str], title: str = "") -> None:
    from eval.statistics.stats import P_VALUES_EXPLAINED

    rows = [
        [
            name,
            f"{comparison.difference:+.3f}",
            f"{comparison.ci_low:+.3f} to {comparison.ci_high:+.3f}",
            f"{comparison.p_value:.2g}",
            f"{comparison.p_holm:.2g}",
            f"{comparison.wins} : {comparison.losses}",
        ]
        for name, comparison in zip(names, comparisons, strict=True)
    ]
    headers = ["paired comparison", "difference", "95 % interval", "p (exact)", "p (Holm)", "wins : losses"]
    print_table(headers, rows, right={1, 2, 3, 4, 5}, title=title)
    if comparisons:
        click.echo(P_VALUES_EXPLAINED)


def _print_examples(run: Path, count: int) -> None:
    """A few questions that the evidence decided: the answer of each arm, and the passages it was given."""
    if not count:
        return
    from eval.report.worked import worked_examples

    for number, text in enumerate(worked_examples(run, count), start=1):
        click.echo(f"Example {number}\n{text}\n")


for _command in (retrieval, extraction, mine, resolution, communities):
    evaluate.add_command(_command)
