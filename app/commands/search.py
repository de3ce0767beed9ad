"""`graft search`: evidence for a question, without an answer."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from app.options import (
    budget_options,
    json_option,
    limit_options,
    print_json,
    print_table,
    quiet_option,
    workspace_option,
)

if TYPE_CHECKING:
    from retrieval.index.subset import Limits
    from retrieval.types import FoundFact, FoundPoint, GraphQuery, Retrieved

RETRIEVER_HELP = (
    "bm25, dense, rag, rerank, graph, ppr, paths, coe, flow, local, global, drift, tree, auto, or cypher; "
    "README says what each does, and which ask a model."
)


def read_question(question: str) -> str:
    """The question as given, or read from stdin where it is "-"."""
    return sys.stdin.read().strip() if question == "-" else question


def print_query(query: GraphQuery | None) -> None:
    """Show the query of the graph behind evidence, if there is one."""
    if query:
        click.echo(f"Cypher: {query.text or 'none'}{f' ({query.problem})' if query.problem else ''}")


@click.command(short_help="Find evidence for a question: passages and facts.")
@click.argument("question")
@workspace_option
@click.option("--retriever", default="graph", show_default=True, metavar="NAME", help=RETRIEVER_HELP)
@click.option(
    "--model", default="qwen-1.5b", show_default=True, metavar="NAME", help="Chat model of a retriever that asks one."
)
@click.option("--limit", "-k", default=5, show_default=True, type=click.IntRange(min=1), help="Most passages.")
@limit_options
@budget_options
@json_option
@quiet_option
def search(
    question: str,
    workspace: str | None,
    retriever: str,
    model: str,
    limit: int,
    limits: Limits,
    max_calls: int | None,
    max_usd: float | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the passages and facts nearest to QUESTION ("-" reads it from stdin).

    \b
    graft search "Who leads Veldrane Tidal?" --retriever graph -k 3
    graft search "Who leads Veldrane Tidal?" --after 2031-05 --type person
    graft search "What do the articles say about fishing?" --retriever global
    """
    from app.api import search as find
    from app.opening import Spending
    from app.progress import open_progress

    spending = Spending(max_calls, max_usd, retry_failed=True, progress=open_progress(quiet))
    found = find(
        read_question(question),
        workspace,
        retriever=retriever,
        model=model,
        limit=limit,
        limits=limits,
        spending=spending,
    )
    if as_json:
        print_json({"question": question, "retriever": retriever, **asdict(found)})
        return
    _print_found(found)


def _print_found(found: Retrieved) -> None:
    """Each kind of evidence as a table, those that are there."""
    passages = [[f"{passage.score:.3f}", passage.source, passage.text] for passage in found.passages]
    if passages or not (found.points or found.reports):
        print_table(["score", "source", "passage"], passages, right={0})
    tables = (
        (["score", "path"], [[f"{path.score:.3f}", " → ".join(map(_told, path.facts))] for path in found.paths]),
        (["score", "fact"], [[f"{fact.score:.3f}", _told(fact)] for fact in found.facts]),
        (["score", "point", "sources"], [[f"{point.score:g}", point.text, _sources(point)] for point in found.points]),
        (["score", "report"], [[f"{each.score:.3f}", f"{each.title}: {each.summary}"] for each in found.reports]),
        (["result of the query"], [[row.text] for row in found.rows]),
    )
    for headers, rows in tables:
        if rows:
            print_table(headers, rows, right={0} if len(headers) > 1 else None)
    print_query(found.query)


def _told(fact: FoundFact) -> str:
    return f"{fact.subject} — {fact.predicate} — {fact.object}"


def _sources(point: FoundPoint) -> str:
    return ", ".join(dict.fromkeys(fact.source for fact in point.facts if fact.source))
