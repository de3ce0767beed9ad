"""`graft eval communities`: how good, how complete and how stable the communities of a knowledge base are."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.options import json_option, progress_option
from app.output import print_json, print_table

if TYPE_CHECKING:
    from eval.communities.edits import EditPlan
    from eval.communities.measure import CommunityQuality
    from eval.statistics.stats import Interval
    from models.runtime.progress import Progress


@click.command("communities")
@click.argument("workspace", type=click.Path(path_type=Path))
@click.option(
    "--edits",
    default=5,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of random edits, each of which removes some documents.",
)
@click.option(
    "--share",
    default=0.01,
    show_default=True,
    type=click.FloatRange(min=0, max=0.5, min_open=True),
    metavar="SHARE",
    help="Share of the documents that each edit removes.",
)
@click.option(
    "--hash-seeds",
    default=2,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of hash seeds to test determinism with; each is run in two processes, with 1 and with 4 threads.",
)
@click.option(
    "--seed", default=0, show_default=True, metavar="N", help="Random seed of the choice of documents to remove."
)
@json_option
@progress_option
def communities(
    workspace: Path, edits: int, share: float, hash_seeds: int, seed: int, as_json: bool, progress: Progress
) -> int:
    """Measure size, modularity and stability of communities.

    Stability is the adjusted Rand index between the communities before and after a few documents are removed. Nothing
    is written to WORKSPACE and no model is called. The exit code is 1 if an entity is in no community, or if two
    processes find different communities.

    \b
    Examples:
      graft eval communities kb
      graft eval communities kb --edits 20 --hash-seeds 8 --json
    """
    from app.opening import find_workspace
    from eval.communities.edits import EditPlan
    from eval.communities.measure import measure_communities

    plan = EditPlan(edits, share, hash_seeds, seed)
    quality = measure_communities(find_workspace(workspace), plan, progress)
    same = len(set(quality.digests)) == 1
    if as_json:
        print_json({"workspace": str(workspace), "plan": asdict(plan), **asdict(quality), "deterministic": same})
    else:
        _print(quality, plan, same)
    return 0 if same and quality.paths and quality.coverage == 1 else 1


def _print(quality: CommunityQuality, plan: EditPlan, same: bool) -> None:
    sizes = []
    for level in quality.levels:
        sizes.append([str(level.level), f"{level.communities:,}", f"{level.largest:,}", f"{level.median:g}"])
    title = f"Communities of {quality.entities:,} entities and {quality.facts:,} facts; sizes in members"
    print_table(["level", "communities", "largest", "median"], sizes, right={0, 1, 2, 3}, title=title)
    stability = []
    for division in quality.divisions:
        intervals = (_interval(division.top), _interval(division.leaf))
        stability.append([division.name, f"{division.modularity:.3f}", *intervals])
    title = (
        f"Stability: adjusted Rand index of the entities that no edit touches ({quality.untouched:.1%}), "
        f"over {plan.edits} edits that remove {plan.share:.1%} of the documents"
    )
    headers = ["division of level 0", "modularity", "level 0 (95 % interval)", "leaves (95 % interval)"]
    print_table(headers, stability, right={1, 2, 3}, title=title)
    click.echo(f"Entities in a community: {quality.coverage:.1%}")
    click.echo(f"Every entity on one path through the hierarchy: {'yes' if quality.paths else 'NO'}")
    click.echo(f"Same communities in {len(quality.digests) - 1} other processes: {'yes' if same else 'NO'}")


def _interval(interval: Interval) -> str:
    return f"{interval.mean:.3f} ({interval.low:.3f}–{interval.high:.3f})"
