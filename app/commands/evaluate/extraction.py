"""`graft eval extraction`: an extractor's facts against gold triples."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.options import budget_options, json_option, print_json, print_table, quiet_option, retry_option

if TYPE_CHECKING:
    from eval.extraction.curve import Point
    from eval.extraction.document_graph import Built
    from eval.extraction.measure import Counts, Scores

_REMARKS = (
    "pairs, triples: precision over all predicted facts. pairs_among_gold: over those whose both ends are annotated.",
    "triples: direction as the predicate says it; triples_in_order: subject and object as the gold has them.",
)


@click.command(short_help="Precision, recall and F1 of an extractor against gold triples.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--format",
    "form",
    required=True,
    type=click.Choice(["redocred", "docred", "webnlg", "jsonl"]),
    help="How FILE is written.",
)
@click.option("--extractor", metavar="NAME", help="What reads the facts  [qwen-1.5b]")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The first N documents.")
@click.option("--threshold", type=click.FloatRange(-1, 1), metavar="T", help="Least cosine of two relations  [0.5]")
@click.option("--workspace", "-w", metavar="DIR", help="Where the graph is built and kept; else in the cache.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML file of index settings.")
@click.option(
    "--curve", "curved", is_flag=True, help="Also facts against tokens, had the model's answers ended sooner."
)
@retry_option
@budget_options
@json_option
@quiet_option
def extraction(
    file: Path,
    form: str,
    extractor: str | None,
    limit: int | None,
    threshold: float | None,
    workspace: str | None,
    config_file: Path | None,
    curved: bool,
    retry_failed: bool,
    max_calls: int | None,
    max_usd: float | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Build the graph of FILE's documents and hold its facts against their gold triples.

    Documents that fail count as documents without facts. Run again, passages that are read cost nothing.

    \b
    graft eval extraction dev_revised.json --format redocred --extractor qwen-1.5b --limit 100
    graft eval extraction dev_revised.json --format redocred --limit 100 --curve      after the first: free
    graft eval extraction mine.jsonl --format jsonl --json
    A line of jsonl: {"text": "...", "triples": [["Ada", "leads", "Orrin"]], "entities": [["Ada", "Ada Lorne"]]}
    """
    from app.measure import measure_curve, measure_documents
    from app.opening import Spending
    from app.progress import open_progress
    from eval.extraction.gold_triples import read_gold
    from eval.extraction.measure import MEASURES, overall, score
    from eval.extraction.relation_match import THRESHOLD, RelationMatch
    from models.factory import open_encoder

    gold = read_gold(form, file, limit)
    spending = Spending(max_calls, max_usd, retry_failed, open_progress(quiet))
    given = {"extractor": extractor}
    texts = [(document.title, document.text) for document in gold]
    built = measure_documents(texts, file, workspace, config_file, given, spending, curved)
    relations = RelationMatch(open_encoder("minilm"), THRESHOLD if threshold is None else threshold)
    counts = score(gold, built.facts, relations)
    scores = {name: overall([row[name] for row in counts]) for name in MEASURES}
    points = measure_curve(built.workspace, gold, relations, spending) if curved else []
    if as_json:
        document = _document(file, form, relations.threshold, scores, counts, built, [one.title for one in gold])
        print_json(document | ({"curve": [asdict(point) for point in points]} if curved else {}))
    else:
        _print(file, scores, built, len(gold), relations.threshold)
        if curved:
            _print_curve(points)
    for failure in built.summary.failures[:10]:
        click.echo(f"graft: failed in {failure.stage}: {failure.item}: {failure.reason}", err=True)
    return 3 if built.failed else 0


def _cost(built: Built) -> dict[str, Any]:
    """What reading cost, per token of the corpus where that says more."""
    summary, tokens = built.summary, max(1, built.corpus_tokens)
    minutes = summary.spent.seconds / 60
    return {
        "facts_per_document": sum(map(len, built.facts)) / len(built.facts),
        "failed_documents": built.failed,
        "corpus_tokens": built.corpus_tokens,
        "tokens_in_per_corpus_token": summary.tokens_in / tokens,
        "uncached_in_per_corpus_token": built.uncached / tokens,
        "tokens_out_per_corpus_token": summary.tokens_out / tokens,
        "seconds": summary.spent.seconds,
        "seconds_recorded": summary.seconds,
        "chunks": summary.chunks,
        "chunks_read": built.read,
        "chunks_per_minute": built.read / minutes if built.read and minutes else None,
    }


def _document(
    file: Path,
    form: str,
    threshold: float,
    scores: dict[str, Scores],
    counts: list[dict[str, Counts]],
    built: Built,
    titles: list[str],
) -> dict[str, Any]:
    return {
        "file": file.name,
        "format": form,
        "n": len(counts),
        "threshold": threshold,
        "measures": {name: asdict(row) for name, row in scores.items()},
        **_cost(built),
        "remarks": list(_REMARKS),
        "documents": [
            {"title": title, **{name: asdict(row[name]) for name in row}}
            for title, row in zip(titles, counts, strict=True)
        ],
    }


def _print(file: Path, scores: dict[str, Scores], built: Built, documents: int, threshold: float) -> None:
    rows = []
    for name, row in scores.items():
        cells = [f"{each.mean:.3f}  {each.low:.3f}–{each.high:.3f}" for each in (row.precision, row.recall, row.f1)]
        rows.append([name, *cells])
    title = f"{file.name}: {documents} documents, relations alike from a cosine of {threshold:g}; 95 % intervals"
    print_table(["measure", "precision", "recall", "F1"], rows, right={1, 2, 3}, title=title)
    for remark in _REMARKS:
        click.echo(remark)
    cost = _cost(built)
    shown = {name: "–" if value is None else f"{value:,.2f}".removesuffix(".00") for name, value in cost.items()}
    print_table(["cost", ""], [[name.replace("_", " "), value] for name, value in shown.items()], right={1})


def _print_curve(points: list[Point]) -> None:
    if not points:
        click.echo("No passage has an answer on record, so there is no curve.")
    else:
        rows = [
            [
                f"{point.density:g}",
                f"{point.tokens_out:.2f}",
                f"{point.facts:.2f}",
                f"{point.dropped:.0%}",
                f"{point.pairs.precision.mean:.3f}",
                f"{point.pairs.recall.mean:.3f}",
                f"{point.pairs.f1.mean:.3f}",
            ]
            for point in points
        ]
        headers = ["lines / 100 tokens", "tokens out / token", "facts / 100 tokens", "dropped", "P", "R", "F1 of pairs"]
        print_table(headers, rows, right=set(range(7)), title="The model's answers, had they ended sooner")
