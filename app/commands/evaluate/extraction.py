"""`graft eval extraction`: an extractor's facts compared with gold triples."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.options import config_option, json_option, limit_option, spending_options
from app.output import count, print_failures, print_json, print_table

if TYPE_CHECKING:
    from app.opening import Spending
    from eval.extraction.curve import CurvePoint
    from eval.extraction.document_graph import DocumentGraph
    from eval.extraction.measure import ExtractionCounts, ExtractionScores
    from eval.statistics.stats import Interval

_REMARKS = (
    "pairs and triples count all predicted facts; pairs_among_gold only facts whose both ends are annotated.",
    "triples follow the direction of the predicate; triples_in_order need subject and object in the order of the gold.",
)
_COST_LABELS = {
    "facts_per_document": "facts per document",
    "failed_documents": "documents failed",
    "corpus_tokens": "tokens of the corpus",
    "tokens_in_per_corpus_token": "tokens in, per token of the corpus",
    "uncached_in_per_corpus_token": "tokens in without cache hits, per token of the corpus",
    "tokens_out_per_corpus_token": "tokens out, per token of the corpus",
    "seconds": "seconds, this command",
    "seconds_recorded": "seconds, recorded calls included",
    "chunks": "passages",
    "chunks_read": "passages extracted by this command",
    "chunks_per_minute": "passages per minute",
}


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--format",
    "form",
    required=True,
    type=click.Choice(["redocred", "docred", "webnlg", "jsonl"]),
    help="Format of FILE.",
)
@click.option(
    "--extractor",
    metavar="NAME",
    show_default="qwen-1.5b",
    help='What extracts facts: the name of a chat model, or "nlp" for a parser.',
)
@limit_option("Maximum number of documents, from the beginning of FILE.", None)
@click.option(
    "--threshold",
    type=click.FloatRange(-1, 1),
    metavar="T",
    show_default="0.5",
    help="Minimum cosine similarity at which two relations count as the same.",
)
@click.option(
    "--workspace", "-w", metavar="DIR", show_default="in the cache", help="Folder where the graph is built and kept."
)
@config_option("index settings")
@click.option(
    "--curve",
    "curved",
    is_flag=True,
    help="Also print facts against tokens written, as if the model's replies had ended earlier.",
)
@spending_options()
@json_option
def extraction(
    file: Path,
    form: str,
    extractor: str | None,
    limit: int | None,
    threshold: float | None,
    workspace: str | None,
    config_file: Path | None,
    curved: bool,
    spending: Spending,
    as_json: bool,
) -> int:
    """Measure precision, recall and F1 of an extractor.

    Builds a graph of the documents in FILE and compares its facts with the gold triples. Documents that fail count as
    documents without facts. Passages that an earlier run extracted cost nothing. Each line of a jsonl file has the keys
    text, triples and, optionally, entities (all names of each entity); see the last example.

    \b
    Examples:
      graft eval extraction dev_revised.json --format redocred --extractor qwen-1.5b --limit 100
      graft eval extraction dev_revised.json --format redocred --limit 100 --curve      no cost after the first run
      graft eval extraction mine.jsonl --format jsonl --json
      {"text": "…", "triples": [["Ada", "leads", "Orrin"]], "entities": [["Ada", "Ada Lorne"]]}
    """
    from app.evaluating import build_document_graph, extraction_curve
    from eval.extraction.gold_triples import read_gold
    from eval.extraction.measure import MEASURES, measure_extraction, overall_scores
    from eval.extraction.relation_match import THRESHOLD, RelationMatch
    from models.factory import open_encoder

    gold = read_gold(form, file, limit)
    texts = [(document.title, document.text) for document in gold]
    overrides = {"extractor": extractor}
    graph = build_document_graph(texts, file, workspace, config_file, overrides, spending, curved)
    relations = RelationMatch(open_encoder("minilm"), THRESHOLD if threshold is None else threshold)
    counts = measure_extraction(gold, graph.facts, relations)
    scores = {}
    for name in MEASURES:
        scores[name] = overall_scores([document[name] for document in counts])
    points = extraction_curve(graph.workspace, gold, relations, spending) if curved else []
    if as_json:
        titles = [document.title for document in gold]
        document = _document(file, form, relations.threshold, scores, counts, graph, titles)
        print_json(document | ({"curve": [asdict(point) for point in points]} if curved else {}))
    else:
        _print(file, scores, graph, len(gold), relations.threshold)
        if curved:
            _print_curve(points)
    print_failures(graph.summary.failures)
    return 3 if graph.failed else 0


def _cost(graph: DocumentGraph) -> dict[str, Any]:
    """What extraction cost, per token of the corpus where corpora are compared by that."""
    summary, tokens = graph.summary, max(1, graph.corpus_tokens)
    minutes = summary.spent.seconds / 60
    return {
        "facts_per_document": sum(map(len, graph.facts)) / len(graph.facts),
        "failed_documents": graph.failed,
        "corpus_tokens": graph.corpus_tokens,
        "tokens_in_per_corpus_token": summary.tokens_in / tokens,
        "uncached_in_per_corpus_token": graph.uncached / tokens,
        "tokens_out_per_corpus_token": summary.tokens_out / tokens,
        "seconds": summary.spent.seconds,
        "seconds_recorded": summary.seconds,
        "chunks": summary.chunks,
        "chunks_read": graph.read,
        "chunks_per_minute": graph.read / minutes if graph.read and minutes else None,
    }


def _document(
    file: Path,
    form: str,
    threshold: float,
    scores: dict[str, ExtractionScores],
    counts: list[dict[str, ExtractionCounts]],
    graph: DocumentGraph,
    titles: list[str],
) -> dict[str, Any]:
    documents = []
    for title, by_measure in zip(titles, counts, strict=True):
        documents.append({"title": title} | {name: asdict(by_measure[name]) for name in by_measure})
    return {
        "file": file.name,
        "format": form,
        "n": len(counts),
        "threshold": threshold,
        "measures": {name: asdict(score) for name, score in scores.items()},
        **_cost(graph),
        "remarks": list(_REMARKS),
        "documents": documents,
    }


def _print(
    file: Path, scores: dict[str, ExtractionScores], graph: DocumentGraph, documents: int, threshold: float
) -> None:
    rows = []
    for name, score in scores.items():
        rows.append([name, _interval(score.precision), _interval(score.recall), _interval(score.f1)])
    title = (
        f"{file.name}: {count(documents, 'document')}, relations match at a cosine similarity of {threshold:g} or more"
    )
    headers = ["measure", "precision (95 % interval)", "recall (95 % interval)", "F1 (95 % interval)"]
    print_table(headers, rows, right={1, 2, 3}, title=title)
    for remark in _REMARKS:
        click.echo(remark)
    cost = []
    for name, value in _cost(graph).items():
        cost.append([_COST_LABELS[name], "–" if value is None else f"{value:,.2f}".removesuffix(".00")])
    print_table(["cost of extraction", ""], cost, right={1})


def _interval(interval: Interval) -> str:
    return f"{interval.mean:.3f} ({interval.low:.3f}–{interval.high:.3f})"


def _print_curve(points: list[CurvePoint]) -> None:
    if not points:
        click.echo("There is no curve: no passage has a recorded reply of the model.")
        return
    rows = []
    for point in points:
        pairs = (point.pairs.precision, point.pairs.recall, point.pairs.f1)
        densities = [f"{point.density:g}", f"{point.tokens_out:.2f}", f"{point.facts:.2f}", f"{point.dropped:.0%}"]
        rows.append(densities + [f"{interval.mean:.3f}" for interval in pairs])
    headers = [
        "lines / 100 tokens", "tokens out / token", "facts / 100 tokens", "lines dropped",
        "precision of pairs", "recall", "F1",
    ]  # fmt: skip
    title = "Facts against tokens: the recorded replies, cut off at a number of lines per 100 tokens of the passage"
    print_table(headers, rows, right=set(range(len(headers))), title=title)
