"""Answers one item from one frozen context with one model: the prompt, the answer, and how it is marked.

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
    MarginalChat,
    MarginalMethod,
    OptionScore,
    OptionScores,
    Usage,
)

_NUMBER = re.compile(r"\A\[\d+\]")
Scoring = Literal["option", "letter"]
Headline = Literal["contains", "exact_match"]
NEUTRAL = "Answer:"
"""The prefix without question or evidence, after which "pmi" scores every option again."""


@dataclass(frozen=True, slots=True)
class MarkingRules:
    """How answers are scored and marked; the same for every arm.

    Attributes:
        scoring: What is scored of a multiple-choice item: the words of its options, or their letters.
        normalisation: How scores of options of unequal length are made comparable.
        headline: Metric that decides whether a short answer is right.
        max_tokens: Maximum number of tokens of a short answer.
        seed: Seed of the chat model's sampler (decoding is greedy).
    """

    scoring: Scoring = "option"
    normalisation: Normalisation = "token"
    headline: Headline = "contains"
    max_tokens: int = 48
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompt files of a run.

    Attributes:
        choice: Prompt of a multiple-choice item.
        short: Prompt of a short-answer item.
        context: The block of evidence that either may begin with.
    """

    choice: Prompt
    short: Prompt
    context: Prompt

    @classmethod
    def load(cls) -> Prompts:
        """Read the prompts from `configs/prompts`."""
        return cls(load_prompt("choice"), load_prompt("short"), load_prompt("context"))

    @property
    def digest(self) -> str:
        """Digest of the wording of all three."""
        return digest(self.choice.template, self.short.template, self.context.template)


@dataclass(frozen=True, slots=True)
class MarkedAnswer:
    """A model's answer to one item, marked.

    Attributes:
        prediction: Index of the chosen option as text, or the short answer.
        correct: 1.0 if it is right, else 0.0.
        metrics: Further metrics of the item, by name.
        scores: Normalised option scores; empty for a short answer.
        usage: Tokens read and written.
        seconds: Time of the call when it was first made.
    """

    prediction: str
    correct: float
    metrics: dict[str, float]
    scores: tuple[float, ...]
    usage: Usage
    seconds: float


def _values(item: Item, context: str, prompts: Prompts, listed: bool) -> dict[str, str]:
    # An empty context leaves no trace in the prompt: the closed-book arm sees the bare question.
    block = prompts.context.fill({"passages": context})[0].content + "\n\n" if context else ""
    options = "".join(f"{LETTERS[number]}. {choice}\n" for number, choice in enumerate(item.choices))
    return {
        "context": block,
        "date": f"Date: {item.date}\n" if item.date else "",
        "question": item.question,
        "options": options if listed else "",
    }


def choice_prefix(item: Item, context: str, prompts: Prompts, scoring: Scoring) -> str:
    """The text after which each option, or its letter, is scored.

    Args:
        item: A multiple-choice item.
        context: Packed evidence, or "" for a closed book.
        prompts: The prompts of the run.
        scoring: "letter" lists the options before the question's end; "option" does not.
    """
    messages = prompts.choice.fill(_values(item, context, prompts, scoring == "letter"))
    return "\n\n".join(message.content for message in messages)


def option_texts(item: Item, scoring: Scoring) -> tuple[str, ...]:
    """The continuations that are scored, each with its leading space.

    The space belongs to the option: tokenisers join it to the word after it, and "Answer:" followed by a bare word is a
    sequence that hardly any text has.
    """
    if scoring == "letter":
        return tuple(f" {LETTERS[number]}" for number in range(len(item.choices)))
    return tuple(f" {choice.strip()}" for choice in item.choices)


@dataclass(frozen=True, slots=True)
class PromptEvidence:
    """The evidence in a prompt.

    Attributes:
        text: Packed evidence, a numbered line each; "" for a closed book.
        weights: Weights of its lines, see `eval.types.Context`.
        marginal: How answers from one line each become one answer; "none" puts all lines into one prompt.
    """

    text: str = ""
    weights: tuple[float, ...] = ()
    marginal: MarginalMethod | Literal["none"] = "none"

    @property
    def parts(self) -> list[str]:
        """The lines, each numbered as if it were the only one."""
        return [_NUMBER.sub("[1]", line, count=1) for line in self.text.split("\n")]


def choose_option(
    item: Item, evidence: PromptEvidence, scorer: ChoiceScorer, marking: MarkingRules, prompts: Prompts
) -> MarkedAnswer:
    """Answer a multiple-choice item with the option of the highest score.

    The score of an option is the sum of the log-probabilities of its tokens, given the prefix; `normalised_scores`
    makes the sums of options of unequal length comparable.

    Raises:
        OutputError: The scorer returned another number of scores, or one that is not a number.
    """
    options = option_texts(item, marking.scoring)
    if evidence.text and evidence.marginal != "none":
        prefixes = [choice_prefix(item, part, prompts, marking.scoring) for part in evidence.parts]
        scored = score_marginal(scorer, prefixes, evidence.weights, options, evidence.marginal)
    else:
        scored = _score_options(scorer, choice_prefix(item, evidence.text, prompts, marking.scoring), options)
    usage, seconds = scored.usage, scored.seconds
    neutral: tuple[OptionScore, ...] = ()
    # The neutral scores depend on the item alone, not on its context.
    if marking.normalisation == "pmi":
        base = _score_options(scorer, NEUTRAL, options)
        usage, seconds, neutral = usage + base.usage, seconds + base.seconds, base.options
    scores = normalised_scores(scored.options, marking.normalisation, neutral)
    try:
        best = best_option(scores)
    except ValueError as error:
        raise OutputError(str(error)) from error
    return MarkedAnswer(str(best), float(best in item.right_options), {}, scores, usage, seconds)


def _score_options(scorer: ChoiceScorer, prefix: str, options: Sequence[str]) -> OptionScores:
    scored = scorer.score(prefix, options)
    if len(scored.options) != len(options):
        raise OutputError(f"Expected {len(options)} option scores, got {len(scored.options)}.")
    return scored


def write_answer(
    item: Item, evidence: PromptEvidence, chat: ChatModel, marking: MarkingRules, prompts: Prompts
) -> MarkedAnswer:
    """Answer a short-answer item; only the first line of what the model writes counts.

    Raises:
        ConfigError: The arm marginalises over lines, which this model cannot.
        OutputError: The model wrote nothing.
    """

    def request(context: str) -> ChatRequest:
        messages = prompts.short.fill(_values(item, context, prompts, False))
        return ChatRequest(messages, max_tokens=marking.max_tokens, seed=marking.seed, template=prompts.short.template)

    if evidence.text and evidence.marginal != "none":
        if not isinstance(chat, MarginalChat):
            raise ConfigError(f"{chat.name} cannot marginalise over passages. Set marginal to none.")
        parts = [request(part) for part in evidence.parts]
        completion = chat.complete_marginal(parts, evidence.weights, evidence.marginal)
    else:
        completion = chat.complete(request(evidence.text))
    # Small models like to continue with another question after their answer.
    lines = completion.text.strip().splitlines()
    if not lines:
        raise OutputError("Expected a short answer, got an empty text.")
    metrics = {name: metric(lines[0], item.answers) for name, metric in ANSWER_METRICS.items()}
    text = lines[0].strip()
    return MarkedAnswer(text, metrics[marking.headline], metrics, (), completion.usage, completion.seconds)


def gold_answer(item: Item) -> str:
    """The right answer as a sample has it: index of the option as text, or the first accepted answer."""
    return str(item.answer) if item.choices else item.answers[0]


def failed_sample(arm: str, item: Item, reason: str) -> Sample:
    """The sample of an item that ended in an error: wrong, with the reason."""
    metrics = {} if item.choices else dict.fromkeys(ANSWER_METRICS, 0.0)
    return Sample(arm, item.id, "", gold_answer(item), 0.0, metrics, (), 0, 0, 0.0, 0.0, reason)
