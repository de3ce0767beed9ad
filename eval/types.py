"""Values that the evaluator passes from stage to stage: items, contexts, samples, metrics.

An `Item` is a question with its gold answer, a `Context` the evidence frozen for it before any item is answered, a
`Sample` one arm's answer to one item. Dataclasses only; their fields are the keys of the JSON files.
"""

from __future__ import annotations

import string
from dataclasses import dataclass

LETTERS = string.ascii_uppercase


@dataclass(frozen=True, slots=True)
class GoldEvidence:
    """Evidence of an answer.

    Attributes:
        document: Source path of the document.
        quote: A quote from it; "" for the whole document.
    """

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
        evidence: Evidence of the answer, for the oracle arm and for retrieval recall.
    """

    id: str
    question: str
    choices: tuple[str, ...]
    answer: int
    answers: tuple[str, ...]
    kind: str = ""
    date: str = ""
    evidence: tuple[GoldEvidence, ...] = ()

    @property
    def right_options(self) -> tuple[int, ...]:
        """Indices of the options with the text of the right one: one, unless a published question has it twice."""
        if not self.choices:
            return ()
        return tuple(index for index, text in enumerate(self.choices) if text == self.choices[self.answer])


@dataclass(frozen=True, slots=True)
class Context:
    """Evidence frozen for one item by one retriever, before any scoring.

    Attributes:
        retriever: Context key: name of the retriever, with a digest of its settings if any are changed.
        item_id: Id of the item.
        text: The evidence in the prompt.
        chunk_ids: Ids of the chunks that it is made of, in order of rank.
        tokens: Length in the reader's tokens.
        seconds: Time to retrieve and pack.
        recall: Share of the item's gold documents among the chunks' documents, in [0, 1]; None without gold.
        error: Reason why retrieval failed, or "".
        query: The graph query behind it, with its problem as a comment; "" if there is none.
        weights: Weight of each line of the text: log-probability that it is what the question needs, not normalised.
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
        item_id: Id of the item.
        prediction: Index of the chosen option as text, or the short answer.
        gold: Index of the right option as text, or the first accepted answer.
        correct: 1.0 if right, 0.0 if wrong; the item's headline metric.
        metrics: Further metrics of this item, by name ("f1", "exact_match", "contains").
        scores: Normalised score of each option; empty for short answers.
        tokens_in: Tokens read.
        tokens_out: Tokens written.
        seconds: Time of the answer, without retrieval.
        cost_usd: Cost of the answer in US dollars.
        error: Reason why the item failed, or "".
        tokens_estimated: Whether the server stated no numbers of tokens, so that these are estimates.
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
    tokens_estimated: bool = False


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One row of the table of arms.

    Attributes:
        name: Name of the arm.
        n: Number of planned items: the denominator.
        failed: Number of samples that ended in an error (counted as wrong).
        accuracy: Mean of `correct` over the planned items, in [0, 1].
        ci_low: Lower end of the 95 % bootstrap interval.
        ci_high: Upper end of the same interval.
        metrics: Means of further metrics, by name.
        by_kind: Accuracy and number of items by kind of question.
        context_recall: Mean recall of gold documents in the contexts, or None.
        tokens_in: Tokens read, summed over all items.
        tokens_out: Tokens written, summed over all items.
        seconds: Time of retrieval and answers, summed over all items.
        cost_usd: Cost of all items in US dollars.
        tokens_estimated: Whether some of the tokens are estimates, and the cost with them.
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
    tokens_estimated: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """Arm `a` compared with arm `b` on the same items.

    Attributes:
        a: Name of the arm that is expected to be better.
        b: Name of the arm that it is compared with.
        difference: Accuracy of a minus accuracy of b, in [-1, 1].
        ci_low: Lower end of the paired 95 % bootstrap interval of the difference.
        ci_high: Upper end of the same interval.
        p_value: p-value of the exact two-sided McNemar test of wins against losses: the probability of a split at least
            as uneven if both arms were equally good (see `eval.statistics.stats`). With several training seeds it is
            that of the exact sign-flip test, the generalisation of McNemar's.
        p_holm: The p-value after Holm's correction for all comparisons of the run.
        wins: Number of items that only a got right.
        losses: Number of items that only b got right.
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
