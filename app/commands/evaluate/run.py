"""`graft eval`: run the comparison, list runs, hold two against each other."""

from __future__ import annotations

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
    budget_options,
    dry_run_option,
    json_option,
    print_json,
    print_table,
    quiet_option,
    read_setting,
    retry_option,
    workspace_option,
)

if TYPE_CHECKING:
    from eval.config import Experiment
    from eval.plan import Plan
    from eval.runs.results import RunResult
    from eval.types import Comparison


@click.group("eval", short_help="Compare closed-book, RAG, graph-RAG, LoRA and hybrids.")
def evaluate() -> None:
    """Compare ways to give a model knowledge, on the same items, model and budget.

    \b
    graft eval run configs/experiments/demo.yaml
    graft eval ls --workspace workspaces/demo
    """


evaluate.add_command(communities)
evaluate.add_command(resolution)
evaluate.add_command(retrieval)


@evaluate.command()
@click.argument("experiment")
@click.option("--workspace", "-w", envvar="GRAFT_WORKSPACE", metavar="DIR", help="Instead of the experiment's own.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting instead of the file's, such as index.store=neo4j; may be given again.",
)
@click.option("--worked", default=0, type=click.IntRange(min=0), metavar="N", help="Show N questions with evidence.")
@retry_option
@budget_options
@dry_run_option
@json_option
@quiet_option
def run(
    experiment: str,
    workspace: str | None,
    changes: tuple[str, ...],
    worked: int,
    retry_failed: bool,
    max_calls: int | None,
    max_usd: float | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Run EXPERIMENT (a YAML file, or the name of a shipped one): index, train, freeze contexts, answer, report.

    Started again it goes on where it stopped; finished, it prints its table from the records without a model call.

    \b
    graft eval run configs/experiments/demo.yaml --dry-run
    graft eval run configs/experiments/demo.yaml --json > demo.json
    graft eval run configs/experiments/demo.yaml --set index.store=neo4j -w workspaces/demo-neo4j
    """
    from app.api import evaluate
    from app.opening import Spending
    from app.progress import open_progress
    from eval.experiment import load_experiment
    from eval.runs.results import setup_failures, to_json

    config = load_experiment(experiment, dict(map(read_setting, changes)))
    if dry_run:
        _print_plan(config, workspace, as_json)
        return 0
    spending = Spending(max_calls, max_usd, retry_failed, open_progress(quiet))
    result = evaluate(config, workspace, spending)
    lost = setup_failures(result.path)
    if as_json:
        print_json({**to_json(result), "setup_failures": lost, "report": str(result.path / "report.html")})
    else:
        _print_result(result)
        _print_worked(result.path, worked)
        click.echo(f"report: {result.path / 'report.html'}")
    for stage, (failed, planned) in lost.items():
        click.echo(f"graft: {failed} of {planned} failed in {stage}; --retry-failed tries them again.", err=True)
    return 3 if result.failed or lost else 0


@evaluate.command("ls")
@workspace_option
@json_option
def list_runs_command(workspace: str | None, as_json: bool) -> None:
    """List the runs of a workspace, newest first.

    \b
    graft eval ls --workspace workspaces/demo
    """
    from app.opening import find_workspace
    from eval.runs.results import list_runs

    entries = list_runs(find_workspace(workspace))
    if as_json:
        rows = [
            {"run": e.path.name, "path": str(e.path), "created": e.created, "finished": e.finished} for e in entries
        ]
        print_json({"runs": rows})
        return
    rows_shown = [[e.path.name, str(e.items), e.reader, e.finished or "unfinished; run again"] for e in entries]
    print_table(["run", "items", "reader", "finished"], rows_shown, right={1})


@evaluate.command()
@click.argument("run_a", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("run_b", type=click.Path(path_type=Path, exists=True, file_okay=False))
@json_option
def compare(run_a: Path, run_b: Path, as_json: bool) -> None:
    """Hold the arms of RUN_A against those of RUN_B, paired on the items both asked.

    \b
    graft eval compare kb/runs/20310304T081500Z-demo-1f2e3d4c kb/runs/20310305T091000Z-demo-5a6b7c8d
    """
    from eval.runs.results import compare as hold
    from eval.runs.results import load_run

    comparisons = hold(load_run(run_a), load_run(run_b))
    if as_json:
        print_json({"a": run_a.name, "b": run_b.name, "comparisons": [asdict(row) for row in comparisons]})
    else:
        _print_comparisons(comparisons)


def _print_plan(experiment: Experiment, workspace: str | None, as_json: bool) -> None:
    from app.progress import clock
    from eval.experiment import plan

    planned: Plan = plan(experiment, Path(workspace) if workspace else None)
    if as_json:
        print_json(planned.to_json())
        return
    rows = [
        [s.name, f"{s.calls:,}", f"{s.tokens_in:,}", f"{s.tokens_out:,}", clock(s.seconds), f"{s.usd:.2f}"]
        for s in planned.stages
    ]
    rows.append(["all", "", "", "", clock(sum(s.seconds for s in planned.stages)), ""])
    title = f"{planned.name}: {planned.documents} documents, {planned.passages} passages; estimates, nothing spent"
    print_table(["stage", "calls", "tokens in", "out", "time", "usd"], rows, right={1, 2, 3, 4, 5}, title=title)


def _print_result(result: RunResult) -> None:
    rows = []
    for arm in result.arms:
        row = arm.result
        rows.append(
            [
                row.name,
                f"{row.accuracy:.3f}",
                f"{row.ci_low:.3f}–{row.ci_high:.3f}",
                str(row.n),
                str(row.failed),
                "–" if row.context_recall is None else f"{row.context_recall:.2f}",
                f"{row.tokens_in:,}",
                f"{row.tokens_out:,}",
                f"{row.seconds:,.1f}",
                f"{row.cost_usd:.4f}",
            ]
        )
    headers = ["arm", result.headline, "95 % interval", "n", "failed", "recall", "tokens in", "out", "seconds", "usd"]
    print_table(headers, rows, right=set(range(1, 10)), title=f"{result.run}")
    _print_comparisons(result.comparisons)
    setup = [
        [c.name, f"{c.seconds:,.1f}", f"{c.tokens_in:,}", f"{c.tokens_out:,}", f"{c.usd:.4f}"] for c in result.setup
    ]
    if setup:
        print_table(["set-up", "seconds", "tokens in", "out", "usd"], setup, right={1, 2, 3, 4})


def _print_comparisons(comparisons: tuple[Comparison, ...]) -> None:
    rows = [
        [
            f"{c.a} − {c.b}",
            f"{c.difference:+.3f}",
            f"{c.ci_low:+.3f} to {c.ci_high:+.3f}",
            f"{c.p_value:.2g}",
            f"{c.p_holm:.2g}",
            f"{c.wins} : {c.losses}",
        ]
        for c in comparisons
    ]
    headers = ["paired difference", "", "95 % interval", "McNemar p", "Holm p", "wins : losses"]
    print_table(headers, rows, right={1, 2, 3, 4, 5})


def _print_worked(run: Path, count: int) -> None:
    """A few questions that evidence decided: what each arm chose, and the passages that were shown."""
    if not count:
        return
    from eval.report.worked import worked

    for number, text in enumerate(worked(run, count), start=1):
        click.echo(f"Worked question {number}\n{text}\n")


evaluate.add_command(extraction)
evaluate.add_command(mine)
