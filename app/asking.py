"""Questions to evidence and answers: what `graft search` and `graft ask` do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.opening import PathLike, Spending, opened, session

if TYPE_CHECKING:
    from models.calls.chats import Chats
    from models.protocols import ChatModel
    from retrieval.answering.answer import Answer
    from retrieval.answering.long_answer import LongAnswer
    from retrieval.answering.pack import PackSettings
    from retrieval.index.subset import CorpusFilter
    from retrieval.types import PackedContext, RetrievedEvidence, Retriever


@dataclass(frozen=True, slots=True)
class AskSettings:
    """How a question is answered.

    Attributes:
        model: Chat model that answers, and that the retriever calls if it needs one.
        retriever: Name of the retriever.
        limit: Maximum number of passages.
        context_tokens: Maximum number of tokens of evidence that the model is given.
        corpus_filter: Dates and entity types that retrieval is limited to; None for no limit.
        packing: How the tokens are shared between kinds of evidence; None for the default.
        threshold: Minimum probability that the evidence contains the answer, in [0, 1]; an answer below it is
            withheld. None for the default of `retrieval.answering.confidence`.
    """

    model: str = "qwen-1.5b"
    retriever: str = "graph"
    limit: int = 5
    context_tokens: int = 1200
    corpus_filter: CorpusFilter | None = None
    packing: PackSettings | None = None
    threshold: float | None = None


def search(
    question: str,
    workspace: PathLike | None = None,
    *,
    retriever: str = "graph",
    model: str = "qwen-1.5b",
    limit: int = 5,
    corpus_filter: CorpusFilter | None = None,
    spending: Spending | None = None,
) -> RetrievedEvidence:
    """Find evidence for a question.

    Args:
        question: The question.
        workspace: Folder of the knowledge base; None finds the only one (see `app.opening.find_workspace`).
        retriever: Name of the retriever, or `package.module:Class`.
        model: Chat model that the retriever calls if it needs one.
        limit: Maximum number of passages.
        corpus_filter: Dates and entity types that retrieval is limited to; None for no limit.
        spending: Budget and progress; only a retriever that calls a model spends anything. The default has no limit.
    Returns:
        Passages, facts and the other kinds of evidence that the retriever finds, best first.
    Raises:
        ConfigError: The workspace, the retriever or the entity type does not exist.
        ModelError: A model cannot be reached.
        BudgetError: The budget is used up.

    Example:
        ```python
        evidence = search("Who leads Veldrane Tidal?", "kb", retriever="rag", limit=3)
        print([passage.source for passage in evidence.passages])
        ```
    """
    spending = spending or Spending(retry_failed=True)
    with _open_retriever(workspace, retriever, model, spending, corpus_filter) as (opened_retriever, _):
        return opened_retriever.retrieve(question, limit)


def ask(
    question: str,
    workspace: PathLike | None = None,
    settings: AskSettings | None = None,
    spending: Spending | None = None,
) -> Answer:
    """Answer a question from a knowledge base, with citations, or abstain.

    Args:
        question: The question.
        workspace: Folder of the knowledge base; None finds the only one (see `app.opening.find_workspace`).
        settings: Model, retriever and budgets of text; None for the defaults.
        spending: Budget and progress; the default has no limit.
    Returns:
        The answer with its citations. Its text is empty if the model found no answer; where the evidence probably does
        not contain the answer, that is in `withheld` instead.
    Raises:
        ConfigError: The workspace, the retriever or the model does not exist.
        ModelError: The model cannot be reached.
        BudgetError: The budget is used up.

    Example:
        ```python
        answer = ask("Who leads Veldrane Tidal?", "kb", AskSettings(retriever="rag"))
        print(answer.text, [citation.source for citation in answer.citations])
        ```
    """
    from retrieval.answering.answer import answer
    from retrieval.answering.confidence import THRESHOLD

    settings = settings or AskSettings()
    with _packed_evidence(question, workspace, settings, spending) as (packed, chat):
        return answer(question, packed, chat, THRESHOLD if settings.threshold is None else settings.threshold)


def ask_at_length(
    question: str,
    workspace: PathLike | None = None,
    settings: AskSettings | None = None,
    spending: Spending | None = None,
) -> LongAnswer:
    """Answer a question from a knowledge base in several sentences, each with its own citations.

    Args:
        question: The question.
        workspace: Folder of the knowledge base; None finds the only one (see `app.opening.find_workspace`).
        settings: Model, retriever and budgets of text; None for the defaults. `threshold` has no effect.
        spending: Budget and progress; the default has no limit.
    Returns:
        The sentences with their citations. Sentences that no line of the evidence supports are dropped and counted.
    Raises:
        ConfigError: The workspace, the retriever or the model does not exist.
        ModelError: The model cannot be reached.
        BudgetError: The budget is used up.

    Example:
        ```python
        answer = ask_at_length("What worries the fishers?", "kb", AskSettings(retriever="global"))
        for claim in answer.claims:
            print(claim.text, [citation.source for citation in claim.citations])
        ```
    """
    from retrieval.answering.long_answer import answer_at_length

    with _packed_evidence(question, workspace, settings or AskSettings(), spending) as (packed, chat):
        return answer_at_length(question, packed, chat)


@contextmanager
def _packed_evidence(
    question: str, workspace: PathLike | None, settings: AskSettings, spending: Spending | None
) -> Iterator[tuple[PackedContext, ChatModel]]:
    """The evidence for a question, packed into its token budget, and the model that answers from it."""
    from kg.language.sentences import count_tokens
    from retrieval.answering.pack import pack

    spending = spending or Spending(retry_failed=True)
    with _open_retriever(workspace, settings.retriever, settings.model, spending, settings.corpus_filter) as (
        retriever,
        chats,
    ):
        evidence = retriever.retrieve(question, settings.limit)
        yield pack(evidence, settings.context_tokens, count_tokens, settings.packing), chats(settings.model)


@contextmanager
def _open_retriever(
    workspace: PathLike | None, retriever: str, model: str, spending: Spending, corpus_filter: CorpusFilter | None
) -> Iterator[tuple[Retriever, Chats]]:
    """A retriever over a knowledge base, and the chat models of the session, of which it calls the one named."""
    from models.calls.chats import Chats
    from retrieval.index.subset import CorpusFilter, restrict
    from retrieval.retrievers.registry import open_retriever, with_model

    with (
        opened(workspace, spending.progress) as (space, encoder, graph_index),
        session(space, spending) as paid,
        Chats(paid.open_chat) as chats,
    ):
        part = restrict(graph_index, corpus_filter or CorpusFilter())
        yield open_retriever(retriever, part, encoder, with_model(retriever, model), chats), chats
