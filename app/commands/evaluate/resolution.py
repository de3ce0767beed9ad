"""`graft eval resolution`: precision, recall and F1 of entity resolution on labelled pairs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.options import encoder_option, json_option, progress_option
from app.output import print_json, print_table

if TYPE_CHECKING:
    from eval.resolution.measure import ResolutionResult
    from eval.statistics.stats import Interval
    from models.runtime.progress import Progress


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...", type=click.Path(path_type=Path))
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="P",
    show_default="the best one on train and valid",
    help="Minimum probability at which two records count as one.",
)
@encoder_option("Embedding model of records and their values.")
@json_option
@progress_option
def resolution(
    folders: tuple[Path, ...], threshold: float | None, encoder: str, as_json: bool, progress: Progress
) -> None:
    """Measure precision, recall and F1 of entity resolution.

    Each FOLDER holds train.txt, valid.txt and test.txt with pairs of records in the format of Ditto. A matcher is
    fitted to train and valid; the figures are for test.

    \b
    Examples:
      graft eval resolution entity_resolution/Beer entity_resolution/iTunes-Amazon
      graft eval resolution entity_resolution/Beer --json > beer.json
    """
    from eval.resolution.measure import measure_resolution
    from models.factory import open_encoder

    encoder_model = open_encoder(encoder, progress)
    results = [measure_resolution(folder, encoder_model, threshold, progress) for folder in folders]
    if as_json:
        print_json({"encoder": encoder, "sets": [asdict(result) for result in results]})
        return
    headers = [
        "dataset", "test pairs", "matches", "precision", "recall", "F1", "threshold", "pairs compared",
        "recall of blocking",
    ]  # fmt: skip
    title = "Test pairs, with 95 % bootstrap intervals"
    print_table(headers, [_cells(result) for result in results], right=set(range(1, len(headers))), title=title)


def _cells(result: ResolutionResult) -> list[str]:
    return [
        result.name,
        f"{result.n:,}",
        f"{result.matches:,}",
        _interval(result.precision),
        _interval(result.recall),
        _interval(result.f1),
        f"{result.threshold:.2f}",
        f"{result.blocking.share:.2%}",
        f"{result.blocking.recall:.1%}",
    ]


def _interval(interval: Interval) -> str:
    return f"{interval.mean:.3f} ({interval.low:.2f}–{interval.high:.2f})"
