"""`graft ask`: an answer with citations, or an honest "not found"."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from app.commands.search import RETRIEVER_HELP, print_query, read_question
from app.options import budget_options, json_option, limit_options, print_json, quiet_option, workspace_option
from models.errors import ConfigError

if TYPE_CHECKING:
    from retrieval.answering.answer import Citation
    from retrieval.answering.long_answer import LongAnswer
    from retrieval.index.subset import Limits

NOT_FOUND = "Not found: the evidence does not hold the answer."


@click.command(short_help="Answer a question from the evidence, with citations.")
@click.argument("question")
@workspace_option
@click.option("--retriever", default="graph", show_default=True, metavar="NAME", help=RETRIEVER_HELP)
@click.option("--model", default="qwen-1.5b", show_default=True, metavar="NAME", help="Chat model that answers.")
@click.option("--limit", "-k", default=5, show_default=True, type=click.IntRange(min=1), help="Most passages.")
@click.option(
    "--context-tokens", default=1200, show_default=True, type=click.IntRange(min=64), help="Budget of the evidence."
)
@click.option("--long", "at_length", is_flag=True, help="Answer sentence by sentence, each with its citations.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Withhold an answer that the evidence is less likely to hold; 0 gives all; not with --long  [0.63]",
)
@limit_options
@budget_options
@json_option
@quiet_option
def ask(
    question: str,
    workspace: str | None,
    retriever: str,
    model: str,
    limit: int,
    context_tokens: int,
    at_length: bool,
    threshold: float | None,
    limits: Limits,
    max_calls: int | None,
    max_usd: float | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Answer QUESTION ("-" reads it from stdin) from the workspace, citing passages, or say that it is not there.

    \b
    graft ask "Who leads Veldrane Tidal?"
    graft ask "Who leads Veldrane Tidal?" --json
    graft ask "What do the articles say about fishing?" --retriever global --long
    """
    from app.api import AskSettings, ask_at_length
    from app.api import ask as answer_question
    from app.opening import Spending
    from app.progress import open_progress

    if at_length and threshold is not None:
        raise ConfigError("--threshold withholds short answers: expected --threshold or --long, got both.")
    question = read_question(question)
    settings = AskSettings(model, retriever, limit, context_tokens, limits, threshold=threshold)
    spending = Spending(max_calls, max_usd, retry_failed=True, progress=open_progress(quiet))
    asked = {"question": question, "model": model, "retriever": retriever}
    if at_length:
        longer = ask_at_length(question, workspace, settings, spending)
        if as_json:
            print_json({**asked, "text": longer.text, "abstained": longer.abstained, **asdict(longer)})
            return
        _print_long(longer)
        return
    answer = answer_question(question, workspace, settings, spending)
    if as_json:
        print_json({**asked, **asdict(answer)})
        return
    click.echo(answer.text or NOT_FOUND)
    if answer.withheld:
        click.echo(f"Withheld, for the evidence hardly holds it ({answer.confidence:.0%}): {answer.withheld}")
    _print_citations(answer.citations)
    print_query(answer.context.query)


def _print_long(answer: LongAnswer) -> None:
    for claim in answer.claims:
        click.echo(f"{claim.text} {' '.join(f'[{cited.number}]' for cited in claim.citations)}")
    click.echo("" if answer.claims else NOT_FOUND)
    cited = {citation.number: citation for claim in answer.claims for citation in claim.citations}
    _print_citations([cited[number] for number in sorted(cited)])
    if answer.unsupported:
        click.echo(f"Sentences dropped, which no line of the evidence bears out: {answer.unsupported}")
    print_query(answer.context.query)


def _print_citations(citations: Iterable[Citation]) -> None:
    for citation in citations:
        sources = ", ".join((citation.source or citation.title, *citation.others))
        click.echo(f"  [{citation.number}] {sources}: {citation.quote}")
