"""`graft eval communities`: how good, how sure and how steady the communities of a workspace are."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.options import json_option, print_json, print_table, quiet_option

if TYPE_CHECKING:
    from eval.communities.edits import EditPlan
    from eval.communities.measure import CommunityQuality
    from eval.statistics.stats import Interval


@click.command("communities")
@click.argument("workspace", type=click.Path(path_type=Path))
@click.option("--edits", default=5, show_default=True, type=click.IntRange(min=1), metavar="N", help="Random edits.")
@click.option(
    "--share",
    default=0.01,
    show_default=True,
    type=click.FloatRange(min=0, max=0.5, min_open=True),
    help="Share of the documents that an edit takes away.",
)
@click.option(
    "--hash-seeds",
    default=2,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="Divide in 2 N processes: N hash seeds, 1 and 4 threads.",
)
@click.option("--seed", default=0, show_default=True, metavar="N", help="Seed of the choice of documents.")
@json_option
@quiet_option
def communities(
    workspace: Path, edits: int, share: float, hash_seeds: int, seed: int, as_json: bool, quiet: bool
) -> int:
    """Measure the communities of WORKSPACE: counts, coverage, modularity, and what an edit of a few documents moves.

    Nothing is written and no model is called. Exit code 1 where an entity is in no community, or processes differ.

    \b
    graft eval communities kb
    graft eval communities kb --edits 20 --hash-seeds 8 --json
    """
    from app.opening import find_workspace
    from app.progress import open_progress
    from eval.communities.edits import EditPlan
    from eval.communities.measure import measure

    plan = EditPlan(edits, share, hash_seeds, seed)
    found = measure(find_workspace(workspace), plan, open_progress(quiet))
    same = len(set(found.digests)) == 1
    if as_json:
        print_json({"workspace": str(workspace), "plan": asdict(plan), **asdict(found), "deterministic": same})
    else:
        _print(found, plan)
    return 0 if same and found.paths and found.coverage == 1 else 1


def _print(found: CommunityQuality, plan: EditPlan) -> None:
    rows = [[str(row.level), f"{row.communities:,}", f"{row.largest:,}", f"{row.median:g}"] for row in found.levels]
    title = f"{found.entities:,} entities, {found.facts:,} facts"
    print_table(["level", "communities", "largest", "median"], rows, right={0, 1, 2, 3}, title=title)
    ways = [[way.name, f"{way.modularity:.3f}", _shown(way.top), _shown(way.leaf)] for way in found.divisions]
    title = (
        f"adjusted Rand index of untouched entities ({found.untouched:.1%}) after {plan.edits} edits of "
        f"{plan.share:.1%} of the documents"
    )
    print_table(["level 0", "modularity", "level 0, 95 % interval", "leaves, 95 % interval"], ways, title=title)
    click.echo(
        f"in a community: {found.coverage:.1%}; one path each: {'yes' if found.paths else 'no'}; "
        f"{'the same' if len(set(found.digests)) == 1 else 'NOT the same'} in {len(found.digests) - 1} processes"
    )


def _shown(interval: Interval) -> str:
    return f"{interval.mean:.3f} ({interval.low:.3f}–{interval.high:.3f})"
