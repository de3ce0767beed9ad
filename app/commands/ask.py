"""`graft ask`: an answer with citations, or an honest "not found"."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from app.commands.search import print_query, read_question
from app.options import (
    context_tokens_option,
    filter_options,
    json_option,
    limit_option,
    model_option,
    retriever_option,
    spending_options,
    workspace_option,
)
from app.output import print_json
from models.errors import ConfigError

if TYPE_CHECKING:
    from app.opening import Spending
    from retrieval.answering.answer import Citation
    from retrieval.answering.long_answer import LongAnswer
    from retrieval.index.subset import CorpusFilter

NOT_FOUND = "Not found: the evidence does not contain the answer."


@click.command()
@click.argument("question")
@workspace_option
@retriever_option
@model_option("Chat model that answers, and that the retriever calls if it needs one.")
@limit_option("Maximum number of passages.", 5, letter="-k")
@context_tokens_option("Maximum number of tokens of evidence that the model is given.", 1200)
@click.option("--long", "at_length", is_flag=True, help="Answer in several sentences, each with its own citations.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="P",
    show_default="0.63",
    help="Minimum probability that the evidence contains the answer; a less certain one is withheld. "
    "0 withholds none. Not with --long.",
)
@filter_options
@spending_options(retry="always")
@json_option
def ask(
    question: str,
    workspace: str | None,
    retriever: str,
    model: str,
    limit: int,
    context_tokens: int,
    at_length: bool,
    threshold: float | None,
    corpus_filter: CorpusFilter,
    spending: Spending,
    as_json: bool,
) -> None:
    """Answer a question from a knowledge base, with citations.

    The retriever finds evidence for QUESTION, and the chat model answers from that evidence alone and cites the
    passages it used. If the evidence probably does not contain the answer, the command says so instead. Write "-" to
    read the question from stdin.

    \b
    Examples:
      graft ask "Who leads Veldrane Tidal?"
      graft ask "Who leads Veldrane Tidal?" --json
      graft ask "What do the articles say about fishing?" --retriever global --long
    """
    from app.api import AskSettings, ask_at_length
    from app.api import ask as answer_question

    if at_length and threshold is not None:
        raise ConfigError("--threshold withholds short answers only. Expected --threshold or --long, got both.")
    question = read_question(question)
    settings = AskSettings(model, retriever, limit, context_tokens, corpus_filter, threshold=threshold)
    request = {"question": question, "model": model, "retriever": retriever}
    if at_length:
        long_answer = ask_at_length(question, workspace, settings, spending)
        if as_json:
            text = {"text": long_answer.text, "abstained": long_answer.abstained}
            print_json({**request, **text, **asdict(long_answer)})
        else:
            _print_long(long_answer)
        return
    answer = answer_question(question, workspace, settings, spending)
    if as_json:
        print_json({**request, **asdict(answer)})
        return
    click.echo(answer.text or NOT_FOUND)
    if answer.withheld:
        click.echo(
            f"Withheld: the evidence probably does not contain the answer "
            f"(probability {answer.confidence:.0%}): {answer.withheld}"
        )
    _print_citations(answer.citations)
    print_query(answer.context.query)


def _print_long(answer: LongAnswer) -> None:
    for claim in answer.claims:
        numbers = " ".join(f"[{citation.number}]" for citation in claim.citations)
        click.echo(f"{claim.text} {numbers}")
    click.echo("" if answer.claims else NOT_FOUND)
    by_number = {citation.number: citation for claim in answer.claims for citation in claim.citations}
    _print_citations(by_number[number] for number in sorted(by_number))
    if answer.unsupported:
        click.echo(f"Sentences dropped because no line of the evidence supports them: {answer.unsupported}")
    print_query(answer.context.query)


def _print_citations(citations: Iterable[Citation]) -> None:
    for citation in citations:
        sources = ", ".join((citation.source or citation.title, *citation.others))
        click.echo(f"  [{citation.number}] {sources}: {citation.quote}")
