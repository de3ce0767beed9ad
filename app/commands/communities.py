"""`graft communities`: groups of related entities in a knowledge base, and reports on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from app.options import (
    OrderedGroup,
    context_tokens_option,
    json_option,
    limit_option,
    model_option,
    spending_options,
    workspace_option,
)
from app.output import print_json, print_table, warn

if TYPE_CHECKING:
    from app.opening import Spending
    from kg.communities.listing import ListedReport, ReportList
    from kg.reports.write import ReportRun
    from kg.stores.protocol import GraphStore

_MAX_WARNINGS = 10

level_option = click.option(
    "--level",
    type=click.IntRange(min=0),
    metavar="N",
    show_default="all levels",
    help="Only communities of this level; 0 is the coarsest.",
)


@click.group(cls=OrderedGroup)
def communities() -> None:
    """List communities of entities and write reports on them.

    A community is a group of entities that share many facts. Communities form a hierarchy: level 0 is the coarsest,
    and each level divides the one above. The retrievers global, drift, tree and local use the reports.

    \b
    Examples:
      graft communities ls --workspace kb --level 0
      graft communities show c1f2e3d4 --workspace kb
      graft communities report --workspace kb --limit 5
    """


@communities.command("ls")
@workspace_option
@level_option
@limit_option("Maximum number of communities to list.", 20)
@json_option
def list_command(workspace: str | None, level: int | None, limit: int, as_json: bool) -> None:
    """List the communities, level by level, largest first.

    The handle names a community in other commands; it stays the same when documents are added or removed.

    \b
    Examples:
      graft communities ls --level 0 --limit 50
      graft communities ls --json
    """
    from kg.communities.listing import counts, listing

    with _store(workspace) as store:
        lines = listing(store, level)
    by_level = counts(lines)
    if as_json:
        levels = {str(number): size for number, size in by_level.items()}
        print_json({"levels": levels, "communities": [asdict(line) for line in lines[:limit]]})
        return
    rows = [
        [line.handle, str(line.level), f"{line.size:,}", f"{line.facts:,}", line.title or ", ".join(line.names)]
        for line in lines[:limit]
    ]
    print_table(["handle", "level", "members", "facts", "title of the report, or members"], rows, right={1, 2, 3})
    totals = ", ".join(f"{size:,} on level {number}" for number, size in by_level.items())
    click.echo(f"{len(rows):,} of {len(lines):,} communities shown{f' ({totals})' if totals else ''}.")


@communities.command("show")
@click.argument("community")
@workspace_option
@limit_option("Maximum number of facts to show.", 20, minimum=0)
@json_option
def show_command(community: str, workspace: str | None, limit: int, as_json: bool) -> None:
    """Show one community: members, facts and report.

    Each fact is followed by the sentences that state it. COMMUNITY is a handle or an id as `graft communities ls`
    prints them, or the beginning of one.

    \b
    Examples:
      graft communities show c1f2e3d4 --limit 5
    """
    from kg.communities.listing import detail

    with _store(workspace) as store:
        shown = detail(store, community, limit)
    if as_json:
        print_json(asdict(shown))
        return
    line = shown.line
    click.echo(f"{line.handle}: level {line.level}, {line.size:,} members, {line.facts:,} facts (id {line.id})")
    click.echo(f"Members: {', '.join(shown.members)}")
    if line.parent:
        click.echo(f"Part of: {line.parent}")
    if shown.children:
        click.echo(f"Divided into: {', '.join(shown.children)}")
    for fact in shown.facts:
        click.echo(f"- {fact.fact}")
        for source, sentence in fact.places:
            click.echo(f"    {source}: {sentence}")
    if shown.report is not None:
        _print_report(shown.report)


@communities.command("report")
@workspace_option
@level_option
@limit_option("Maximum number of reports to write.", 20)
@model_option("Chat model that writes the reports.")
@click.option(
    "--max-tokens",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="no limit",
    help="Stop before the model has read and written more than N tokens.",
)
@context_tokens_option("Maximum number of tokens of facts that one report is written from.", 1500)
@click.option("--list", "only_list", is_flag=True, help="Only list the reports there are; call no model.")
@spending_options()
@json_option
def report_command(
    workspace: str | None,
    level: int | None,
    limit: int,
    model: str,
    max_tokens: int | None,
    context_tokens: int,
    only_list: bool,
    spending: Spending,
    as_json: bool,
) -> int:
    """Write reports on communities and list all reports.

    A chat model summarises the facts of each community that has no report yet, coarsest level first. A report is kept
    until its community changes. If a budget stops the command, run it again to continue.

    \b
    Examples:
      graft communities report --limit 10 --max-tokens 50000
      graft communities report --level 0 --model openai
      graft communities report --list
    """
    from app.opening import find_workspace, session
    from kg.communities.listing import written
    from kg.reports.write import ReportPlan, ReportRun, write_reports
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space:
        run = ReportRun()
        if not only_list:
            with session(space, spending) as paid:
                run = write_reports(paid, ReportPlan(model, level, limit, max_tokens, context_tokens))
        reports = written(space.store, level)
    if as_json:
        print_json({**_run_json(run), **asdict(reports)})
    else:
        _print_reports(reports)
        if not only_list:
            click.echo(
                f"This command: {len(run.written):,} reports written, {len(run.failed):,} failed, "
                f"{run.dropped:,} findings dropped because they cited no fact."
            )
    for failure in run.failed[:_MAX_WARNINGS]:
        warn(f"The report on {failure.item} failed: {failure.reason}")
    if run.stopped:
        warn(run.stopped)
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


def _print_reports(reports: ReportList) -> None:
    rows = [
        [
            report.handle,
            str(report.level),
            f"{report.size:,}",
            f"{report.rating:g}",
            report.title,
            _first_sentence(report.summary),
        ]
        for report in reports.reports
    ]
    if rows:
        print_table(["handle", "level", "members", "rating (0-10)", "title", "summary"], rows, right={1, 2, 3})
    click.echo(
        f"Communities with a report: {len(reports.reports):,}; without one yet: {reports.missing:,}; "
        f"without facts to report on: {reports.without_facts:,}."
    )


def _print_report(report: ListedReport) -> None:
    click.echo(f"\n{report.title} (rating {report.rating:g} of 10)\n{report.summary}")
    for text, fact_ids in report.findings:
        click.echo(f"- {text} [{', '.join(fact_ids)}]")


def _first_sentence(text: str) -> str:
    head, mark, _ = text.partition(". ")
    return head + mark.strip()
