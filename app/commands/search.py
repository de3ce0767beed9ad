"""`graft search`: evidence for a question, without an answer."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from app.options import budget_options, json_option, print_json, print_table, quiet_option, workspace_option

if TYPE_CHECKING:
    from retrieval.types import GraphQuery

RETRIEVER_HELP = "bm25, dense, rag, graph, ppr, or cypher, which has a model query a graph that lies in Neo4j."


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
@click.option("--model", default="qwen-1.5b", show_default=True, metavar="NAME", help="Chat model that cypher asks.")
@click.option("--limit", "-k", default=5, show_default=True, type=click.IntRange(min=1), help="Most passages.")
@budget_options
@json_option
@quiet_option
def search(
    question: str,
    workspace: str | None,
    retriever: str,
    model: str,
    limit: int,
    max_calls: int | None,
    max_usd: float | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the passages and facts nearest to QUESTION ("-" reads it from stdin).

    \b
    graft search "Who leads Veldrane Tidal?" --retriever graph -k 3
    """
    from app.api import search as find
    from app.opening import Spending
    from app.progress import open_progress

    spending = Spending(max_calls, max_usd, retry_failed=True, progress=open_progress(quiet))
    found = find(read_question(question), workspace, retriever=retriever, model=model, limit=limit, spending=spending)
    if as_json:
        print_json({"question": question, "retriever": retriever, **asdict(found)})
        return
    rows = [[f"{passage.score:.3f}", passage.source, passage.text] for passage in found.passages]
    print_table(["score", "source", "passage"], rows, right={0})
    if found.facts:
        facts = [[f"{fact.score:.3f}", f"{fact.subject} — {fact.predicate} — {fact.object}"] for fact in found.facts]
        print_table(["score", "fact"], facts, right={0})
    if found.rows:
        print_table(["result of the query"], [[row.text] for row in found.rows])
    print_query(found.query)
