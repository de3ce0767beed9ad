"""`graft eval mine`: the share of a text's facts that a graph keeps, beside peers' graphs."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.options import budget_options, json_option, print_json, print_table, quiet_option, retry_option

if TYPE_CHECKING:
    from eval.mine.files import Essay
    from eval.mine.measure import Kept
    from kg.summary import Failure
    from models.runtime.progress import Progress


@click.command(short_help="The share of essays' facts that a graph keeps (MINE), beside peers' graphs.")
@click.option("--essays", required=True, type=click.Path(path_type=Path), help="JSON: topic and content of each.")
@click.option("--facts", required=True, type=click.Path(path_type=Path), help="JSON: the facts of each essay.")
@click.option("--graphs", multiple=True, type=click.Path(path_type=Path), help="Zip of a peer's graphs; repeat it.")
@click.option("--extractor", metavar="NAME", help='What reads our facts; "none" judges peers alone  [nlp]')
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The first N essays.")
@click.option("--workspace", "-w", metavar="DIR", help="Where our graph is built and kept; else in the cache.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML file of index settings.")
@click.argument("more", nargs=-1, type=click.Path(path_type=Path))
@retry_option
@budget_options
@json_option
@quiet_option
def mine(
    essays: Path,
    facts: Path,
    graphs: tuple[Path, ...],
    extractor: str | None,
    limit: int | None,
    workspace: str | None,
    config_file: Path | None,
    more: tuple[Path, ...],
    retry_failed: bool,
    max_calls: int | None,
    max_usd: float | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Build a graph of every essay and count the facts it keeps; ours first, then every zip of graphs.

    One fixed judge decides for all; it is fitted to judgments published with MINE. Zips may also follow at the end.
    Without --extractor the parser reads, which costs no model call, unless --config names another.

    \b
    graft eval mine --essays essays.json --facts facts.json --extractor qwen-1.5b
    graft eval mine --essays essays.json --facts facts.json --graphs results_KGGen.zip results_OpenIE.zip --json
    """
    from app.measure import measure_documents
    from app.opening import Spending
    from app.progress import open_progress
    from eval.mine.fact_judge import agreement_of_judge, shipped_judge
    from eval.mine.files import read_essays
    from eval.mine.measure import keeps, relations_of
    from models.factory import open_encoder

    extractor = extractor or (None if config_file else "nlp")
    asked = read_essays(essays, facts)[:limit]
    spending = Spending(max_calls, max_usd, retry_failed, open_progress(quiet))
    systems: list[Kept] = []
    failures: tuple[Failure, ...] = ()
    failed = 0
    encoder = open_encoder("minilm", spending.progress)
    if extractor != "none":
        texts = [(essay.topic, essay.text) for essay in asked]
        built = measure_documents(texts, essays, workspace, config_file, {"extractor": extractor}, spending)
        ours = [relations_of(told) for told in built.facts]
        name = f"graft ({built.extractor})"
        systems.append(keeps(name, asked, ours, shipped_judge(), encoder, spending.progress))
        failures, failed = built.summary.failures, built.failed
    systems += _peers(asked, (*graphs, *more), encoder, spending.progress)
    remarks = _remarks(systems, len(asked), failed)
    if as_json:
        rows = [asdict(row) for row in systems]
        print_json({"essays": len(asked), "systems": rows, "judge": agreement_of_judge(), "remarks": remarks})
    else:
        _print(systems, remarks)
    for failure in failures[:10]:
        click.echo(f"graft: failed in {failure.stage}: {failure.item}: {failure.reason}", err=True)
    return 3 if failed else 0


def _peers(essays: list[Essay], paths: tuple[Path, ...], encoder: Any, progress: Progress) -> list[Kept]:
    from eval.mine.fact_judge import shipped_judge
    from eval.mine.files import graphs_of, read_graphs
    from eval.mine.measure import keeps, stored_share
    from models.errors import InputError

    rows = []
    for path in paths:
        found = graphs_of(essays, read_graphs(path))
        if not any(found):
            raise InputError(f"{path} has a graph of none of the essays: expected judgments of their facts beside them")
        relations = [None if graph is None else graph.relations for graph in found]
        name = path.stem.removeprefix("results_")
        row = keeps(name, essays, relations, shipped_judge(), encoder, progress)
        rows.append(replace(row, stored=stored_share(essays, found)))
    return rows


def _remarks(systems: list[Kept], essays: int, failed: int) -> list[str]:
    remarks = [
        f"{row.name} has graphs of {row.essays} of {essays} essays; its share is of those."
        for row in systems
        if row.essays < essays
    ]
    remarks += [
        f"{row.name}: the judgments stored with its graphs say {100 * row.stored:.1f} %."
        for row in systems
        if row.stored is not None
    ]
    if failed:
        remarks.append(f"{failed} essays failed, wholly or in part; what is missing of them counts as not kept.")
    return remarks


def _print(systems: list[Kept], remarks: list[str]) -> None:
    rows = [
        [
            row.name,
            f"{100 * row.kept:.1f} %",
            f"{100 * row.ci_low:.1f}–{100 * row.ci_high:.1f} %",
            str(row.n),
            str(row.essays),
            f"{row.relations:.0f}",
            "–" if row.stored is None else f"{100 * row.stored:.1f} %",
        ]
        for row in systems
    ]
    headers = ["system", "kept", "95 % interval", "facts", "essays", "relations", "stored judgments"]
    print_table(headers, rows, right=set(range(1, 7)), title="Facts that the graph keeps (MINE)")
    for remark in remarks:
        click.echo(remark)
