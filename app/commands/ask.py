"""`graft ask`: an answer with citations, or an honest "not found"."""

from __future__ import annotations

from dataclasses import asdict

import click

from app.commands.search import RETRIEVER_HELP, print_query, read_question
from app.options import budget_options, json_option, print_json, quiet_option, workspace_option


@click.command(short_help="Answer a question from the evidence, with citations.")
@click.argument("question")
@workspace_option
@click.option("--retriever", default="graph", show_default=True, metavar="NAME", help=RETRIEVER_HELP)
@click.option("--model", default="qwen-1.5b", show_default=True, metavar="NAME", help="Chat model that answers.")
@click.option("--limit", "-k", default=5, show_default=True, type=click.IntRange(min=1), help="Most passages.")
@click.option(
    "--context-tokens", default=1200, show_default=True, type=click.IntRange(min=64), help="Budget of the evidence."
)
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
    max_calls: int | None,
    max_usd: float | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Answer QUESTION ("-" reads it from stdin) from the workspace, citing passages, or say that it is not there.

    \b
    graft ask "Who leads Veldrane Tidal?"
    graft ask "Who leads Veldrane Tidal?" --json
    """
    from app.api import AskSettings
    from app.api import ask as answer_question
    from app.opening import Spending
    from app.progress import open_progress

    question = read_question(question)
    settings = AskSettings(model=model, retriever=retriever, limit=limit, context_tokens=context_tokens)
    spending = Spending(max_calls, max_usd, retry_failed=True, progress=open_progress(quiet))
    answer = answer_question(question, workspace, settings, spending)
    if as_json:
        print_json({"question": question, "model": model, "retriever": retriever, **asdict(answer)})
        return
    click.echo(answer.text or "Not found: the evidence does not hold the answer.")
    for citation in answer.citations:
        click.echo(f"  [{citation.number}] {citation.source or citation.title}: {citation.quote}")
    print_query(answer.context.query)
