"""`graft search`: evidence for a question, without an answer."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from app.options import (
    filter_options,
    json_option,
    limit_option,
    model_option,
    retriever_option,
    spending_options,
    workspace_option,
)
from app.output import print_json, print_table
from models.errors import InputError

if TYPE_CHECKING:
    from app.opening import Spending
    from retrieval.index.subset import CorpusFilter
    from retrieval.types import GraphQuery, RetrievedEvidence, RetrievedFact, RetrievedPoint


def read_question(question: str) -> str:
    """The question as given, or read from stdin where it is "-".

    Raises:
        InputError: It has no letter or digit, so that nothing could be found by it.
    """
    read = sys.stdin.read().strip() if question == "-" else question
    if not any(character.isalnum() for character in read):
        origin = "on stdin " if question == "-" else ""
        raise InputError(f"Expected a question {origin}with at least one word, got {read!r}. Ask in a few words.")
    return read


def print_query(query: GraphQuery | None) -> None:
    """Show the graph query behind the evidence, if there is one."""
    if query:
        click.echo(f"Cypher query: {query.text or 'none'}{f' ({query.problem})' if query.problem else ''}")


@click.command()
@click.argument("question")
@workspace_option
@retriever_option
@model_option("Chat model that the retriever calls if it needs one.")
@limit_option("Maximum number of passages.", 5, letter="-k")
@filter_options
@spending_options(retry="always")
@json_option
def search(
    question: str,
    workspace: str | None,
    retriever: str,
    model: str,
    limit: int,
    corpus_filter: CorpusFilter,
    spending: Spending,
    as_json: bool,
) -> None:
    """Find the passages and facts most relevant to a question.

    Prints the evidence for QUESTION that `graft ask` would answer from, best first. Which kinds of evidence there are
    depends on the retriever: passages, facts, paths, reports or the result of a graph query. Write "-" to read the
    question from stdin.

    \b
    Examples:
      graft search "Who leads Veldrane Tidal?" --retriever graph -k 3
      graft search "Who leads Veldrane Tidal?" --after 2031-05 --type person
      graft search "What do the articles say about fishing?" --retriever global
    """
    from app.api import search as find_evidence

    evidence = find_evidence(
        read_question(question),
        workspace,
        retriever=retriever,
        model=model,
        limit=limit,
        corpus_filter=corpus_filter,
        spending=spending,
    )
    if as_json:
        print_json({"question": question, "retriever": retriever, **asdict(evidence)})
    else:
        _print_evidence(evidence)


def _print_evidence(evidence: RetrievedEvidence) -> None:
    """One table for each kind of evidence that was found."""
    passages = [[f"{passage.score:.3f}", passage.source, passage.text] for passage in evidence.passages]
    # Without any passage the empty table says so, unless the retriever finds points or reports instead of passages.
    if passages or not (evidence.points or evidence.reports):
        print_table(["score", "source", "passage"], passages, right={0})
    paths = [[f"{path.score:.3f}", " → ".join(map(_statement, path.facts))] for path in evidence.paths]
    facts = [[f"{fact.score:.3f}", _statement(fact)] for fact in evidence.facts]
    points = [[f"{point.score:g}", point.text, _sources(point)] for point in evidence.points]
    reports = [[f"{report.score:.3f}", f"{report.title}: {report.summary}"] for report in evidence.reports]
    tables = (
        (["score", "path of facts"], paths),
        (["score", "fact"], facts),
        (["score", "point of a report", "sources"], points),
        (["score", "community report"], reports),
        (["query result"], [[row.text] for row in evidence.rows]),
    )
    for headers, rows in tables:
        if rows:
            print_table(headers, rows, right={0} if len(headers) > 1 else None)
    print_query(evidence.query)


def _statement(fact: RetrievedFact) -> str:
    return f"{fact.subject} — {fact.predicate} — {fact.object}"


def _sources(point: RetrievedPoint) -> str:
    return ", ".join(dict.fromkeys(fact.source for fact in point.facts if fact.source))
