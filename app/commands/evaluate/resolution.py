"""`graft eval resolution`: precision, recall and F1 of entity resolution on labelled pairs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.options import json_option, print_json, print_table, quiet_option

if TYPE_CHECKING:
    from eval.statistics.stats import Interval


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER…", type=click.Path(path_type=Path))
@click.option(
    "--threshold", type=click.FloatRange(0, 1), metavar="P", help="Instead of the one found on train + valid."
)
@click.option("--encoder", default="minilm", show_default=True, metavar="NAME", help="Embeds records and values.")
@json_option
@quiet_option
def resolution(folders: tuple[Path, ...], threshold: float | None, encoder: str, as_json: bool, quiet: bool) -> None:
    """Match the records of each FOLDER (train.txt, valid.txt, test.txt in ditto's form), figures on test.txt.

    \b
    graft eval resolution entity_resolution/Beer entity_resolution/iTunes-Amazon
    graft eval resolution entity_resolution/Beer --json > beer.json
    """
    from app.progress import open_progress
    from eval.resolution.measure import measure
    from models.factory import open_encoder

    progress = open_progress(quiet)
    opened = open_encoder(encoder, progress)
    results = [measure(folder, opened, threshold, progress) for folder in folders]
    if as_json:
        print_json({"encoder": encoder, "sets": [asdict(result) for result in results]})
        return
    rows = [
        [
            result.name,
            f"{result.n} ({result.matches})",
            *(_shown(interval) for interval in (result.precision, result.recall, result.f1)),
            f"{result.threshold:.2f}",
            f"{result.blocking.share:.2%}",
            f"{result.blocking.recall:.1%}",
        ]
        for result in results
    ]
    headers = ["set", "pairs (match)", "precision", "recall", "F1", "threshold", "compared", "blocking recall"]
    print_table(headers, rows, right=set(range(1, 8)), title="test pairs, 95 % bootstrap intervals")


def _shown(interval: Interval) -> str:
    return f"{interval.mean:.3f} ({interval.low:.2f}–{interval.high:.2f})"
