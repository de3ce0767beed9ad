"""Questions to evidence and answers: what `graft search` and `ask` do."""

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
    from retrieval.index.subset import Limits
    from retrieval.types import PackedContext, Retrieved, Retriever


@dataclass(frozen=True, slots=True)
class AskSettings:
    """How a question is answered.

    Attributes:
        model: Chat model that answers, and that the retriever asks if it asks one.
        retriever: Name of the retriever.
        limit: Most passages.
        context_tokens: Budget of the packed evidence.
        limits: Times and types that the search is limited to; None for none.
        packing: How the budget is shared between kinds of evidence; None for the shipped way.
        threshold: Least confidence of an answer that is given, in [0, 1]; None for the shipped one.
    """

    model: str = "qwen-1.5b"
    retriever: str = "graph"
    limit: int = 5
    context_tokens: int = 1200
    limits: Limits | None = None
    packing: PackSettings | None = None
    threshold: float | None = None


def search(
    question: str,
    workspace: PathLike | None = None,
    *,
    retriever: str = "graph",
    model: str = "qwen-1.5b",
    limit: int = 5,
    limits: Limits | None = None,
    spending: Spending | None = None,
) -> Retrieved:
    """Find evidence for a question.

    Args:
        question: The question.
        workspace: The knowledge base.
        retriever: Name of the retriever.
        model: Chat model of a retriever that asks one.
        limit: Most passages.
        limits: Times and types that the search is limited to.
        spending: Budget and progress; only a retriever that asks a model spends any.
    Raises:
        ConfigError: No such workspace, retriever or type.
    """
    spending = spending or Spending(retry_failed=True)
    with _retrieving(workspace, retriever, model, spending, limits) as (found, _):
        return found.retrieve(question, limit)


def ask(
    question: str,
    workspace: PathLike | None = None,
    settings: AskSettings | None = None,
    spending: Spending | None = None,
) -> Answer:
    """Answer a question from a workspace, with citations, or abstain.

    Raises:
        ConfigError: No such workspace, retriever or model.
        ModelError: The model cannot be reached.
    """
    from retrieval.answering.answer import answer
    from retrieval.answering.confidence import THRESHOLD

    settings = settings or AskSettings()
    with _packed(question, workspace, settings, spending) as (packed, chat):
        return answer(question, packed, chat, THRESHOLD if settings.threshold is None else settings.threshold)


def ask_at_length(
    question: str,
    workspace: PathLike | None = None,
    settings: AskSettings | None = None,
    spending: Spending | None = None,
) -> LongAnswer:
    """Answer a question from a workspace sentence by sentence, each with citations; raises as `ask`."""
    from retrieval.answering.long_answer import answer_at_length

    with _packed(question, workspace, settings or AskSettings(), spending) as (packed, chat):
        return answer_at_length(question, packed, chat)


@contextmanager
def _packed(
    question: str, workspace: PathLike | None, settings: AskSettings, spending: Spending | None
) -> Iterator[tuple[PackedContext, ChatModel]]:
    """The evidence for a question, and the model that answers from it."""
    from kg.language.sentences import count_tokens
    from retrieval.answering.pack import pack

    spending = spending or Spending(retry_failed=True)
    with _retrieving(workspace, settings.retriever, settings.model, spending, settings.limits) as (retriever, chats):
        found = retriever.retrieve(question, settings.limit)
        yield pack(found, settings.context_tokens, count_tokens, settings.packing), chats(settings.model)


@contextmanager
def _retrieving(
    workspace: PathLike | None, retriever: str, model: str, spending: Spending, limits: Limits | None
) -> Iterator[tuple[Retriever, Chats]]:
    """A retriever over a workspace, and the chat models of the session, of which it asks the one named."""
    from models.calls.chats import Chats
    from retrieval.index.subset import Limits, restrict
    from retrieval.retrievers.registry import open_retriever, with_model

    with (
        opened(workspace, spending.progress) as (space, encoder, graph_index),
        session(space, spending) as paid,
        Chats(paid.open_chat) as chats,
    ):
        part = restrict(graph_index, limits or Limits())
        yield open_retriever(retriever, part, encoder, with_model(retriever, model), chats), chats
