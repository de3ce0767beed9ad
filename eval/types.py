"""What the evaluator passes from stage to stage: items, contexts, samples, metrics.

An `Item` is a question with its gold answer, a `Context` the evidence frozen for it before any
scoring, a `Sample` one arm's answer to one item. Dataclasses only; every one of them is written
to and read from JSON lines as it stands.
"""

from __future__ import annotations

import string
from dataclasses import dataclass

LETTERS = string.ascii_uppercase


@dataclass(frozen=True, slots=True)
class GoldEvidence:
    """Where the answer stands: a document's source path and a quote from it (or "" for all of it)."""

    document: str
    quote: str


@dataclass(frozen=True, slots=True)
class Item:
    """One question.

    Attributes:
        id: Unique within the task.
        question: The question.
        choices: Options in order; empty for a short-answer item.
        answer: Index of the right option; -1 for a short-answer item.
        answers: Accepted short answers; for multiple choice, the right option's text.
        kind: Kind of question ("single-hop", "temporal", a subject, …), for tables by kind.
        date: Date of the question, or "".
        evidence: Where the answer stands, for the oracle arm and retrieval recall.
    """

    id: str
    question: str
    choices: tuple[str, ...]
    answer: int
    answers: tuple[str, ...]
    kind: str = ""
    date: str = ""
    evidence: tuple[GoldEvidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """Evidence frozen for one item by one retriever, before any scoring.

    Attributes:
        retriever: Name of the retriever ("none", "oracle", "rag", "graph").
        item_id: The item.
        text: What the prompt will hold; "" for "none".
        chunk_ids: Chunks it draws on, in order of rank.
        tokens: Its length in the reader's tokens.
        seconds: Time to retrieve and pack.
        recall: Share of the item's gold documents among the chunks' documents, in [0, 1]; None without gold.
        error: Why retrieval failed, or "".
        query: The query of the graph behind it, with what was wrong with it as a comment; or "".
        weights: Of each line of the text, how likely it is to be what the question needs: a logarithm, not normalised.
    """

    retriever: str
    item_id: str
    text: str
    chunk_ids: tuple[str, ...]
    tokens: int
    seconds: float
    recall: float | None = None
    error: str = ""
    query: str = ""
    weights: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """One arm's answer to one item; an error counts as wrong.

    Attributes:
        arm: Name of the arm.
        item_id: The item.
        prediction: Index of the chosen option as text, or the short answer.
        gold: Index of the right option as text, or the first accepted answer.
        correct: 1.0 right, 0.0 wrong; the item's headline metric.
        metrics: Further values of this item, by name ("f1", "exact_match", "contains").
        scores: Normalised score per option; empty for short answers.
        tokens_in: Tokens read.
        tokens_out: Tokens written.
        seconds: Time of the answer, retrieval apart.
        cost_usd: Price of the answer.
        error: Why the item failed, or "".
    """

    arm: str
    item_id: str
    prediction: str
    gold: str
    correct: float
    metrics: dict[str, float]
    scores: tuple[float, ...]
    tokens_in: int
    tokens_out: int
    seconds: float
    cost_usd: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One row of the table.

    Attributes:
        name: The arm.
        n: Planned items: the denominator.
        failed: Items that ended in an error (counted as wrong).
        accuracy: Mean of `correct` over the planned items, in [0, 1].
        ci_low: Lower end of the 95 % bootstrap interval.
        ci_high: Upper end.
        metrics: Means of further per-item metrics.
        by_kind: Accuracy and number of items by kind of question.
        context_recall: Mean recall of gold documents in the contexts, or None.
        tokens_in: Tokens read, all items.
        tokens_out: Tokens written.
        seconds: Retrieval and answering, all items.
        cost_usd: Price of all items.
    """

    name: str
    n: int
    failed: int
    accuracy: float
    ci_low: float
    ci_high: float
    metrics: dict[str, float]
    by_kind: dict[str, tuple[float, int]]
    context_recall: float | None
    tokens_in: int
    tokens_out: int
    seconds: float
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Arm `a` against arm `b` on the same items.

    Attributes:
        a: The arm hoped to be better.
        b: The arm it is held against.
        difference: Accuracy of a minus accuracy of b, in [-1, 1].
        ci_low: Lower end of the paired 95 % bootstrap interval.
        ci_high: Upper end.
        p_value: Exact two-sided McNemar test.
        p_holm: The same after Holm's correction over all comparisons of the run.
        wins: Items that only a got right.
        losses: Items that only b got right.
    """

    a: str
    b: str
    difference: float
    ci_low: float
    ci_high: float
    p_value: float
    p_holm: float
    wins: int
    losses: int
