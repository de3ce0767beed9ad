"""`graft search`: evidence for a question, without an answer."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from app.options import json_option, print_json, print_table, quiet_option, workspace_option


def read_question(question: str) -> str:
    """The question as given, or read from stdin where it is "-"."""
    return sys.stdin.read().strip() if question == "-" else question


@click.command(short_help="Find evidence for a question: passages and facts.")
@click.argument("question")
@workspace_option
@click.option("--retriever", default="graph", show_default=True, metavar="NAME", help="bm25, dense, rag or graph.")
@click.option("--limit", "-k", default=5, show_default=True, type=click.IntRange(min=1), help="Most passages.")
@json_option
@quiet_option
def search(question: str, workspace: str | None, retriever: str, limit: int, as_json: bool, quiet: bool) -> None:
    """Find the passages and facts nearest to QUESTION ("-" reads it from stdin).

    \b
    graft search "Who leads Veldrane Tidal?" --retriever graph -k 3
    """
    from app.api import search as find
    from app.progress import open_progress

    found = find(read_question(question), workspace, retriever=retriever, limit=limit, progress=open_progress(quiet))
    if as_json:
        print_json({"question": question, "retriever": retriever, **asdict(found)})
        return
    rows = [[f"{passage.score:.3f}", passage.source, passage.text] for passage in found.passages]
    print_table(["score", "source", "passage"], rows, right={0})
    if found.facts:
        facts = [[f"{fact.score:.3f}", f"{fact.subject} — {fact.predicate} — {fact.object}"] for fact in found.facts]
        print_table(["score", "fact"], facts, right={0})
