"""`graft eval retrieval`: recall, speed and memory of retrievers on a corpus in BEIR's form."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.options import budget_options, json_option, print_json, print_table, quiet_option, read_setting

if TYPE_CHECKING:
    from app.ranking import RetrievalMeasured
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
    help="May be given again.",
)
@click.option(
    "--against", multiple=True, metavar="NAME", help="The others are held against it; may be given again  [the first]"
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="RETRIEVER.NAME=VALUE",
    help="A setting of a retriever, such as graph.damping=0.6; may be given again.",
)
@click.option("--encoder", default="minilm", show_default=True, metavar="NAME", help="Embeds passages and questions.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The first N queries only.")
@click.option("--index", "index_dir", type=click.Path(path_type=Path), metavar="DIR", help="Keep the index there.")
@click.option("--runs", type=click.Path(path_type=Path), metavar="DIR", help="Write NAME.trec for each retriever.")
@budget_options
@json_option
@quiet_option
def retrieval(
    folder: Path,
    retrievers: tuple[str, ...],
    against: tuple[str, ...],
    changes: tuple[str, ...],
    encoder: str,
    limit: int | None,
    index_dir: Path | None,
    runs: Path | None,
    max_calls: int | None,
    max_usd: float | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Measure retrievers on FOLDER: corpus.jsonl, queries.jsonl, qrels/test.tsv, and facts.jsonl if there is a graph.

    \b
    graft eval retrieval beir/scifact -r bm25 -r dense
    graft eval retrieval musique --retriever graph --retriever dense --json > graph.json
    graft eval retrieval musique -r ppr -r dense -r graph --against ppr --against dense --set graph.hops.beam=4
    """
    from app.opening import Spending
    from app.progress import open_progress
    from app.ranking import RankingSettings, measure_retrieval
    from eval.config import put_setting

    spending = Spending(max_calls, max_usd, progress=open_progress(quiet))
    settings: dict[str, Any] = {}
    for name, value in map(read_setting, changes):
        put_setting(settings, name, value)
    asked = RankingSettings(against, settings, limit, index_dir, runs)
    found = measure_retrieval(folder, retrievers, encoder, spending, asked)
    if as_json:
        print_json({"folder": folder.name, "encoder": encoder, **asdict(found)})
    else:
        _print(found, encoder)
    return 3 if any(each.failed for each in found.retrievers) else 0


def _print(found: RetrievalMeasured, encoder: str) -> None:
    from eval.retrieval.measure import METRICS

    rows = [
        [
            each.retriever,
            *(f"{each.metrics[name].mean:.3f}" for name in METRICS),
            f"{each.ms_median:.1f}",
            f"{each.ms_p95:.1f}",
        ]
        for each in found.retrievers
    ]
    title = (
        f"{found.name}: {found.retrievers[0].n} queries, {found.passages:,} passages, {found.facts:,} facts, {encoder}"
    )
    print_table(["retriever", *METRICS, "ms", "p95"], rows, right=set(range(1, 12)), title=title)
    for base, others in found.differences.items():
        rows = [
            [f"{name} − {base}", *(_shown(each[metric]) for metric in ("recall@5", "all@5", "recall@10"))]
            for name, each in others.items()
        ]
        print_table(["paired difference, 95 %", "recall@5", "all@5", "recall@10"], rows, right={1, 2, 3})
    click.echo(f"index {found.index_seconds:.1f} s, peak memory {found.peak_mib:,} MiB")


def _shown(interval: Interval) -> str:
    return f"{interval.mean:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"
