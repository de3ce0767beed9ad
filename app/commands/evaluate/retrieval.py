"""`graft eval retrieval`: recall, speed and memory of retrievers on a corpus in BEIR's format."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.options import encoder_option, json_option, limit_option, parse_setting, spending_options
from app.output import count, print_json, print_table, warn

if TYPE_CHECKING:
    from app.opening import Spending
    from eval.retrieval.comparison import RetrieverComparison
    from eval.statistics.stats import Interval


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--retriever",
    "-r",
    "retrievers",
    multiple=True,
    default=("bm25", "dense", "rag", "graph"),
    show_default=True,
    metavar="NAME",
    help="Retriever to measure; may be repeated.",
)
@click.option(
    "--against",
    "against",
    multiple=True,
    metavar="NAME",
    show_default="the first retriever",
    help="Baseline among the retrievers, with which the others are compared; may be repeated.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="RETRIEVER.NAME=VALUE",
    help="Setting of a retriever, such as graph.damping=0.6; may be repeated.",
)
@encoder_option("Embedding model of passages and queries.")
@limit_option("Maximum number of queries, from the beginning of the file.", None)
@click.option(
    "--index",
    "index_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    show_default="a temporary folder",
    help="Folder that keeps the index for the next time.",
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder to write rankings to, one TREC run file for each retriever.",
)
@spending_options(retry="never")
@json_option
def retrieval(
    folder: Path,
    retrievers: tuple[str, ...],
    against: tuple[str, ...],
    settings: tuple[str, ...],
    encoder: str,
    limit: int | None,
    index_dir: Path | None,
    runs: Path | None,
    spending: Spending,
    as_json: bool,
) -> int:
    """Measure recall, speed and memory of retrievers on a corpus.

    FOLDER is in BEIR's format: corpus.jsonl, queries.jsonl and qrels/test.tsv (BEIR's columns or TREC's); facts.jsonl
    adds a graph. Differences to a baseline are paired by query, with bootstrap intervals.

    \b
    Examples:
      graft eval retrieval beir/scifact -r bm25 -r dense
      graft eval retrieval musique --retriever graph --retriever dense --json > graph.json
      graft eval retrieval musique -r ppr -r dense -r graph --against ppr --set graph.hops.beam=4
    """
    from eval.config import put_setting
    from eval.retrieval.comparison import ComparisonSettings, compare_retrievers

    by_retriever: dict[str, Any] = {}
    for name, value in map(parse_setting, settings):
        put_setting(by_retriever, name, value)
    comparison = compare_retrievers(
        folder,
        retrievers,
        encoder,
        spending.budget(),
        ComparisonSettings(against, by_retriever, limit, index_dir, runs),
        spending.progress,
    )
    for notice in comparison.notices:
        warn(notice)
    for scores in comparison.retrievers:
        if scores.failed:
            warn(
                f"{scores.retriever} failed on {count(scores.failed, 'query', 'queries')} of {scores.n:,}, counted as "
                f"having found nothing: {'; '.join(scores.errors)}"
            )
    if as_json:
        print_json({"folder": folder.name, "encoder": encoder, **asdict(comparison)})
    else:
        _print(comparison, encoder)
    return 3 if any(scores.failed for scores in comparison.retrievers) else 0


def _print(comparison: RetrieverComparison, encoder: str) -> None:
    from eval.retrieval.measure import METRICS

    rows = []
    for scores in comparison.retrievers:
        means = [f"{scores.metrics[name].mean:.3f}" for name in METRICS]
        rows.append([scores.retriever, *means, f"{scores.ms_median:.1f}", f"{scores.ms_p95:.1f}"])
    title = (
        f"{comparison.name}: {count(comparison.retrievers[0].n, 'query', 'queries')}, "
        f"{count(comparison.passages, 'passage')}, {count(comparison.facts, 'fact')}, encoder {encoder}"
    )
    headers = ["retriever", *METRICS, "ms / query", "95th percentile"]
    print_table(headers, rows, right=set(range(1, len(headers))), title=title)
    columns = ("recall@5", "all@5", "recall@10")
    for base, others in comparison.differences.items():
        rows = []
        for name, differences in others.items():
            rows.append([f"{name} − {base}", *(_interval(differences[metric]) for metric in columns)])
        print_table(["paired difference (95 % interval)", *columns], rows, right={1, 2, 3})
    if queries := comparison.queries:
        left_out = f"{queries.without_gold:,} without gold + {queries.beyond_limit:,} beyond the limit"
        click.echo(f"Queries: {queries.read:,} = {queries.measured:,} measured + {left_out}.")
    click.echo(f"Index built in {comparison.index_seconds:.1f} s. Peak memory: {comparison.peak_mib:,} MiB.")


def _interval(interval: Interval) -> str:
    return f"{interval.mean:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"
