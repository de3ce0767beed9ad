"""One item, one frozen context, one model: the prompt, the answer, and how it is marked.

Every arm gets the same prompt; only the context block before the question differs, and it is empty for a
closed book. Multiple choice is scored by log-probability, either of each option's own words after "Answer:"
(`scoring: option`; the options are not listed) or of its letter (`scoring: letter`; they are listed). Short
answers are written by a chat model, greedily. Opening models and keeping records are left to others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eval.arms.metrics import ANSWER_METRICS, Normalisation, best_option, normalised_scores
from eval.types import LETTERS, Item, Sample
from models.calls.prompt import Prompt, load_prompt
from models.errors import ConfigError, OutputError
from models.files.digest import digest
from models.local.marginal import score_marginal
from models.protocols import (
    ChatModel,
    ChatRequest,
    ChoiceScorer,
    Marginal,
    MarginalChat,
    OptionScore,
    ScoredOptions,
    Usage,
)

_NUMBER = re.compile(r"\A\[\d+\]")
Scoring = Literal["option", "letter"]
Headline = Literal["contains", "exact_match"]
NEUTRAL = "Answer:"
"""What "pmi" scores an option after: the end of the prompt, without question or evidence."""


@dataclass(frozen=True, slots=True)
class Marking:
    """How answers are asked for and marked; the same for every arm.

    Attributes:
        scoring: What is scored of a multiple-choice item: its options' words, or their letters.
        normalisation: How option scores of unequal length are made comparable.
        headline: The metric that decides whether a short answer is right.
        max_tokens: Most tokens of a short answer.
        seed: Seed of the chat model's sampler (decoding is greedy).
    """

    scoring: Scoring = "option"
    normalisation: Normalisation = "token"
    headline: Headline = "contains"
    max_tokens: int = 48
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompt files of a run."""

    choice: Prompt
    short: Prompt
    context: Prompt

    @classmethod
    def load(cls) -> Prompts:
        """Read them from `configs/prompts`."""
        return cls(load_prompt("choice"), load_prompt("short"), load_prompt("context"))

    @property
    def digest(self) -> str:
        """Names the wording of all three."""
        return digest(self.choice.template, self.short.template, self.context.template)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered, marked.

    Attributes:
        prediction: Index of the chosen option as text, or the short answer.
        correct: 1.0 or 0.0.
        metrics: Further values of the item.
        scores: Normalised option scores.
        usage: Tokens.
        seconds: Time of the call, as first made.
    """

    prediction: str
    correct: float
    metrics: dict[str, float]
    scores: tuple[float, ...]
    usage: Usage
    seconds: float


def _values(item: Item, context: str, prompts: Prompts, listed: bool) -> dict[str, str]:
    block = prompts.context.fill({"passages": context})[0].content + "\n\n" if context else ""
    options = "".join(f"{LETTERS[number]}. {choice}\n" for number, choice in enumerate(item.choices))
    return {
        "context": block,
        "date": f"Date: {item.date}\n" if item.date else "",
        "question": item.question,
        "options": options if listed else "",
    }


def choice_prefix(item: Item, context: str, prompts: Prompts, scoring: Scoring) -> str:
    """The text that each option, or its letter, is scored after.

    Args:
        item: A multiple-choice item.
        context: Packed evidence, or "" for a closed book.
        prompts: The wording.
        scoring: "letter" lists the options.
    """
    messages = prompts.choice.fill(_values(item, context, prompts, scoring == "letter"))
    return "\n\n".join(message.content for message in messages)


def option_texts(item: Item, scoring: Scoring) -> tuple[str, ...]:
    """The continuations that are scored, each with its leading space."""
    if scoring == "letter":
        return tuple(f" {LETTERS[number]}" for number in range(len(item.choices)))
    return tuple(f" {choice.strip()}" for choice in item.choices)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What stands before a question.

    Attributes:
        text: Packed evidence, a numbered line each; "" for a closed book.
        weights: Of its lines, as of `eval.types.Context`.
        marginal: How lines that are read one by one become one answer; "none" reads all of them together.
    """

    text: str = ""
    weights: tuple[float, ...] = ()
    marginal: Marginal | Literal["none"] = "none"

    @property
    def parts(self) -> list[str]:
        """The lines, each as the only one."""
        return [_NUMBER.sub("[1]", line, count=1) for line in self.text.split("\n")]


def choose(item: Item, evidence: Evidence, scorer: ChoiceScorer, marking: Marking, prompts: Prompts) -> Answer:
    """Answer a multiple-choice item with the option of the highest score.

    Raises:
        OutputError: The scorer returned another number of scores, or one that is not a number.
    """
    options = option_texts(item, marking.scoring)
    if evidence.text and evidence.marginal != "none":
        prefixes = [choice_prefix(item, part, prompts, marking.scoring) for part in evidence.parts]
        scored = score_marginal(scorer, prefixes, evidence.weights, options, evidence.marginal)
    else:
        scored = _score(scorer, choice_prefix(item, evidence.text, prompts, marking.scoring), options)
    usage, seconds = scored.usage, scored.seconds
    neutral: tuple[OptionScore, ...] = ()
    if marking.normalisation == "pmi":
        base = _score(scorer, NEUTRAL, options)
        usage, seconds, neutral = usage + base.usage, seconds + base.seconds, base.options
    scores = normalised_scores(scored.options, marking.normalisation, neutral)
    try:
        best = best_option(scores)
    except ValueError as error:
        raise OutputError(str(error)) from error
    return Answer(str(best), float(best == item.answer), {}, scores, usage, seconds)


def _score(scorer: ChoiceScorer, prefix: str, options: Sequence[str]) -> ScoredOptions:
    scored = scorer.score(prefix, options)
    if len(scored.options) != len(options):
        raise OutputError(f"expected {len(options)} option scores, found {len(scored.options)}")
    return scored


def reply(item: Item, evidence: Evidence, chat: ChatModel, marking: Marking, prompts: Prompts) -> Answer:
    """Answer a short-answer item; only the first line of what the model writes counts.

    Raises:
        ConfigError: Lines are to be read one by one, which the model cannot.
        OutputError: The model wrote nothing.
    """

    def request(context: str) -> ChatRequest:
        messages = prompts.short.fill(_values(item, context, prompts, False))
        return ChatRequest(messages, max_tokens=marking.max_tokens, seed=marking.seed, template=prompts.short.template)

    if evidence.text and evidence.marginal != "none":
        if not isinstance(chat, MarginalChat):
            raise ConfigError(f"{chat.name} cannot weigh passages that it reads one by one: set marginal to none.")
        parts = [request(part) for part in evidence.parts]
        completion = chat.complete_marginal(parts, evidence.weights, evidence.marginal)
    else:
        completion = chat.complete(request(evidence.text))
    lines = completion.text.strip().splitlines()
    if not lines:
        raise OutputError("expected a short answer, found an empty text")
    metrics = {name: metric(lines[0], item.answers) for name, metric in ANSWER_METRICS.items()}
    text = lines[0].strip()
    return Answer(text, metrics[marking.headline], metrics, (), completion.usage, completion.seconds)


def gold_of(item: Item) -> str:
    """What a sample shows as the right answer."""
    return str(item.answer) if item.choices else item.answers[0]


def failed_sample(arm: str, item: Item, reason: str) -> Sample:
    """An item that ended in an error: wrong, with the reason."""
    metrics = {} if item.choices else dict.fromkeys(ANSWER_METRICS, 0.0)
    return Sample(arm, item.id, "", gold_of(item), 0.0, metrics, (), 0, 0, 0.0, 0.0, reason)
