"""`graft eval mine`: the share of a text's facts that a graph keeps, beside the graphs of other systems."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.options import config_option, json_option, limit_option, spending_options
from app.output import print_failures, print_json, print_table
from models.errors import InputError

if TYPE_CHECKING:
    from app.opening import Spending
    from eval.mine.files import Essay
    from eval.mine.measure import MineScore
    from kg.summary import FailedItem
    from models.protocols import Encoder
    from models.runtime.progress import Progress


@click.command()
@click.option(
    "--essays",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON file with the topic and the content of each essay.",
)
@click.option(
    "--facts",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON file with the facts of each essay.",
)
@click.option(
    "--graphs",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="ZIP",
    help="Zip file with the graphs of another system; may be repeated.",
)
@click.option(
    "--extractor",
    metavar="NAME",
    show_default="nlp",
    help='What extracts our facts: the name of a chat model, "nlp" for a parser, or "none" to measure only the graphs '
    "of other systems.",
)
@limit_option("Maximum number of essays, from the beginning of the file.", None)
@click.option(
    "--workspace", "-w", metavar="DIR", show_default="in the cache", help="Folder where our graph is built and kept."
)
@config_option("index settings")
@click.argument("more", nargs=-1, type=click.Path(path_type=Path))
@spending_options()
@json_option
def mine(
    essays: Path,
    facts: Path,
    graphs: tuple[Path, ...],
    extractor: str | None,
    limit: int | None,
    workspace: str | None,
    config_file: Path | None,
    more: tuple[Path, ...],
    spending: Spending,
    as_json: bool,
) -> int:
    """Measure the share of facts that a graph keeps (MINE).

    Builds a graph of every essay; a fixed judge then counts the essay's facts that the graph states. Graphs of other
    systems, in the zip files of --graphs and in MORE, are judged in the same way. The judge was fitted to judgments
    published with MINE. Without --extractor, a parser extracts the facts, without model calls, unless --config names
    another extractor.

    \b
    Examples:
      graft eval mine --essays essays.json --facts facts.json --extractor qwen-1.5b
      graft eval mine --essays essays.json --facts facts.json --graphs results_KGGen.zip results_OpenIE.zip --json
    """
    from app.evaluating import build_document_graph
    from eval.mine.fact_judge import agreement_of_judge, shipped_judge
    from eval.mine.files import read_essays
    from eval.mine.measure import measure_graphs, relations_of
    from models.factory import open_encoder

    extractor = extractor or (None if config_file else "nlp")
    selected = read_essays(essays, facts)[:limit]
    scores: list[MineScore] = []
    failures: tuple[FailedItem, ...] = ()
    failed = 0
    encoder = open_encoder("minilm", spending.progress)
    if extractor != "none":
        texts = [(essay.topic, essay.text) for essay in selected]
        graph = build_document_graph(texts, essays, workspace, config_file, {"extractor": extractor}, spending)
        relations = [relations_of(facts_of_essay) for facts_of_essay in graph.facts]
        name = f"graft ({graph.extractor})"
        scores.append(measure_graphs(name, selected, relations, shipped_judge(), encoder, spending.progress))
        failures, failed = graph.summary.failures, graph.failed
    scores += _other_systems(selected, (*graphs, *more), encoder, spending.progress)
    remarks = _remarks(scores, len(selected), failed)
    if as_json:
        systems = [asdict(score) for score in scores]
        print_json({"essays": len(selected), "systems": systems, "judge": agreement_of_judge(), "remarks": remarks})
    else:
        _print(scores, remarks)
    print_failures(failures)
    return 3 if failed else 0


def _other_systems(
    essays: list[Essay], paths: tuple[Path, ...], encoder: Encoder, progress: Progress
) -> list[MineScore]:
    """The scores of the graphs in zip files.

    Raises:
        InputError: A zip file has no graph of these essays.
    """
    from eval.mine.fact_judge import shipped_judge
    from eval.mine.files import graphs_of, read_graphs
    from eval.mine.measure import measure_graphs, stored_share

    scores = []
    for path in paths:
        graphs = graphs_of(essays, read_graphs(path))
        if not any(graphs):
            raise InputError(
                f"{path} has no graph of any of the essays. Expected graphs of the same essays, with judgments of "
                "their facts beside them."
            )
        relations = [None if graph is None else graph.relations for graph in graphs]
        name = path.stem.removeprefix("results_")
        score = measure_graphs(name, essays, relations, shipped_judge(), encoder, progress)
        scores.append(replace(score, stored=stored_share(essays, graphs)))
    return scores


def _remarks(scores: list[MineScore], essays: int, failed: int) -> list[str]:
    remarks = []
    for score in scores:
        if score.essays < essays:
            remarks.append(f"{score.name} has graphs of {score.essays} of {essays} essays; its share counts these.")
    for score in scores:
        if score.stored is not None:
            remarks.append(
                f"{score.name}: by the judgments stored with its graphs it keeps {100 * score.stored:.1f} %."
            )
    if failed:
        remarks.append(f"{failed} essays failed, completely or in part; their missing facts count as not kept.")
    return remarks


def _print(scores: list[MineScore], remarks: list[str]) -> None:
    rows = [
        [
            score.name,
            f"{100 * score.kept:.1f} %",
            f"{100 * score.ci_low:.1f}–{100 * score.ci_high:.1f} %",
            str(score.n),
            str(score.essays),
            f"{score.relations:.0f}",
            "–" if score.stored is None else f"{100 * score.stored:.1f} %",
        ]
        for score in scores
    ]
    headers = ["system", "facts kept", "95 % interval", "facts", "essays", "relations", "kept, by stored judgments"]
    print_table(headers, rows, right=set(range(1, 7)), title="Share of facts that each graph keeps (MINE)")
    for remark in remarks:
        click.echo(remark)
