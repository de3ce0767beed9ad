"""`graft communities`: what belongs together in a knowledge base, and reports on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from app.options import (
    budget_options,
    json_option,
    print_json,
    print_table,
    quiet_option,
    retry_option,
    workspace_option,
)

if TYPE_CHECKING:
    from kg.communities.listing import ReportLine, Reports
    from kg.reports.write import ReportRun
    from kg.stores.protocol import GraphStore

level_option = click.option("--level", type=click.IntRange(min=0), metavar="N", help="Only this level; 0 is coarsest.")


@click.group(short_help="List communities, show one, write reports on them.")
def communities() -> None:
    """What belongs together in a knowledge base: a hierarchy of communities, the coarsest on level 0.

    \b
    graft communities ls --workspace kb --level 0
    graft communities show c1f2e3d4 --workspace kb
    graft communities report --workspace kb --most 5
    """


@communities.command("ls")
@workspace_option
@level_option
@click.option("--most", default=20, show_default=True, type=click.IntRange(min=1), metavar="N", help="Most rows.")
@json_option
def list_command(workspace: str | None, level: int | None, most: int, as_json: bool) -> None:
    """List communities, level by level, the largest first. A handle names one, also after it has changed.

    \b
    graft communities ls --level 0 --most 50
    graft communities ls --json
    """
    from kg.communities.listing import counts, listing

    with _store(workspace) as store:
        lines = listing(store, level)
    if as_json:
        by_level = {str(each): count for each, count in counts(lines).items()}
        print_json({"levels": by_level, "communities": [asdict(line) for line in lines[:most]]})
        return
    rows = [
        [line.handle, str(line.level), f"{line.size:,}", f"{line.facts:,}", line.title or ", ".join(line.names)]
        for line in lines[:most]
    ]
    print_table(["handle", "level", "members", "facts", "title, or names"], rows, right={1, 2, 3})
    total = ", ".join(f"{count:,} on level {each}" for each, count in counts(lines).items())
    click.echo(f"{len(rows):,} of {len(lines):,} communities{': ' + total if total else ''}")


@communities.command("show")
@click.argument("community")
@workspace_option
@click.option("--most", default=20, show_default=True, type=click.IntRange(min=0), metavar="N", help="Most facts.")
@json_option
def show_command(community: str, workspace: str | None, most: int, as_json: bool) -> None:
    """Show COMMUNITY (its handle, its id, or the beginning of either): members, facts with sentences, report.

    \b
    graft communities show c1f2e3d4 --most 5
    """
    from kg.communities.listing import detail

    with _store(workspace) as store:
        found = detail(store, community, most)
    if as_json:
        print_json(asdict(found))
        return
    line = found.line
    click.echo(f"{line.handle}: level {line.level}, {line.size:,} members, {line.facts:,} facts ({line.id})")
    click.echo(f"members: {', '.join(found.members)}")
    if line.parent:
        click.echo(f"part of: {line.parent}")
    if found.children:
        click.echo(f"parts: {', '.join(found.children)}")
    for fact in found.facts:
        click.echo(f"- {fact.fact}")
        for source, sentence in fact.places:
            click.echo(f"    {source}: {sentence}")
    if found.report is not None:
        _print_report(found.report)


@communities.command("report")
@workspace_option
@level_option
@click.option("--most", default=20, show_default=True, type=click.IntRange(min=1), metavar="N", help="Most reports.")
@click.option("--model", default="qwen-1.5b", show_default=True, metavar="NAME", help="Chat model that writes.")
@click.option("--max-tokens", type=click.IntRange(min=1), metavar="N", help="Most tokens to read and write in all.")
@click.option(
    "--context-tokens",
    default=1500,
    show_default=True,
    type=click.IntRange(min=64),
    metavar="N",
    help="Most tokens of facts that one report is written from.",
)
@click.option("--list", "only_list", is_flag=True, help="Only list what is written; no model is called.")
@retry_option
@budget_options
@json_option
@quiet_option
def report_command(
    workspace: str | None,
    level: int | None,
    most: int,
    model: str,
    max_tokens: int | None,
    context_tokens: int,
    only_list: bool,
    retry_failed: bool,
    max_calls: int | None,
    max_usd: float | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Write the reports that are missing, root first, and list all: title, rating, size, summary.

    A report is kept until its community changes; the same command goes on where a budget ended it.

    \b
    graft communities report --most 10 --max-tokens 50000
    graft communities report --level 0 --model openai
    graft communities report --list
    """
    from app.opening import Spending, find_workspace, session
    from app.progress import open_progress
    from kg.communities.listing import written
    from kg.reports.write import ReportPlan, ReportRun, write_reports
    from kg.workspace import Workspace

    spending = Spending(max_calls, max_usd, retry_failed, open_progress(quiet))
    with Workspace.open(find_workspace(workspace)) as space:
        run = ReportRun()
        if not only_list:
            with session(space, spending) as paid:
                run = write_reports(paid, ReportPlan(model, level, most, max_tokens, context_tokens))
        there = written(space.store, level)
    if as_json:
        print_json({**_run_json(run), **asdict(there)})
    else:
        _print_reports(there)
        if not only_list:
            click.echo(
                f"this run: {len(run.written)} written, {len(run.failed)} failed, {run.dropped} findings dropped"
            )
    for failure in run.failed[:10]:
        click.echo(f"graft: no report on {failure.item}: {failure.reason}", err=True)
    if run.stopped:
        click.echo(f"graft: {' '.join(run.stopped.split())}", err=True)
    return 5 if run.stopped else 3 if run.failed else 0


@contextmanager
def _store(workspace: str | None) -> Iterator[GraphStore]:
    from app.opening import find_workspace
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space:
        yield space.store


def _run_json(run: ReportRun) -> dict[str, object]:
    return {
        "written": len(run.written),
        "findings_dropped": run.dropped,
        "failed": [asdict(failure) for failure in run.failed],
        "spent": asdict(run.spent),
        "stopped": run.stopped,
    }


def _print_reports(there: Reports) -> None:
    rows = [
        [line.handle, str(line.level), f"{line.size:,}", f"{line.rating:g}", line.title, _first_sentence(line.summary)]
        for line in there.reports
    ]
    print_table(["handle", "level", "members", "rating", "title", "summary"], rows, right={1, 2, 3})
    click.echo(
        f"{len(there.reports):,} communities have a report, {there.missing:,} have none yet, "
        f"{there.without_facts:,} hold no fact"
    )


def _print_report(report: ReportLine) -> None:
    click.echo(f"\n{report.title} (rating {report.rating:g})\n{report.summary}")
    for text, fact_ids in report.findings:
        click.echo(f"- {text} [{', '.join(fact_ids)}]")


def _first_sentence(text: str) -> str:
    head, mark, _ = text.partition(". ")
    return head + mark.strip()
