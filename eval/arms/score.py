"""Answers every item with every arm; each sample is on the disk before the next item is answered.

An item that fails, or whose prompt the server refuses, is a sample with an error, counted as wrong. A model that cannot
be reached, or whose server refuses every prompt, stops the run instead: its failures are not answers, so they are not
written, and the same command continues when the model is back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from eval.arms.answering import (
    MarkedAnswer,
    MarkingRules,
    PromptEvidence,
    Prompts,
    choose_option,
    failed_sample,
    gold_answer,
    write_answer,
)
from eval.arms.contexts import PATIENCE
from eval.arms.readers import Readers
from eval.runs.folder import RunFolder
from eval.runs.records import Appender
from eval.systems import NONE
from eval.types import Context, Item, Sample
from models.errors import RUN_ENDING_ERRORS, ModelError, OutputError, describe_error
from models.protocols import MarginalMethod
from models.runtime.progress import SILENT, Progress


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm as it is answered.

    Attributes:
        name: Name in samples: that of the system, with "#SEED" if several adapters are trained.
        system: Name of the system, one row of the table.
        context_key: Key of its frozen contexts, or "none".
        adapter: Folder of its adapter, or None.
        marginal: How its evidence is put into prompts, see `eval.systems.SystemConfig`.
    """

    name: str
    system: str
    context_key: str
    adapter: Path | None = None
    marginal: MarginalMethod | Literal["none"] = "none"


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """Settings that all arms share.

    Attributes:
        marking: How answers are scored and marked.
        prompts: The prompts of the run.
        price: Cost in US dollars of tokens read, tokens written and seconds.
    """

    marking: MarkingRules
    prompts: Prompts
    price: Callable[[int, int, float], float]


def missing_samples(
    run: RunFolder, arms: Sequence[Arm], items: Sequence[Item], retry_failed: bool
) -> dict[str, list[Item]]:
    """Items still to be answered, by name of the arm; arms without any are left out."""
    known = run.samples()
    missing: dict[str, list[Item]] = {}
    for arm in arms:
        for item in items:
            sample = known.get((arm.name, item.id))
            if sample is None or (retry_failed and sample.error):
                missing.setdefault(arm.name, []).append(item)
    return missing


def answer_items(
    run: RunFolder,
    arms: Sequence[Arm],
    missing: Mapping[str, Sequence[Item]],
    readers: Readers,
    settings: AnswerSettings,
    progress: Progress = SILENT,
) -> None:
    """Answer the missing items; arms of one adapter follow each other, so that each adapter is loaded once.

    Raises:
        ModelError: The model cannot be reached, or refused several items in a row.
        BudgetError: The budget is used up.
    """
    # Loading an adapter costs more than answering many items, so arms are grouped by adapter.
    order = sorted(arms, key=lambda arm: arm.adapter.name if arm.adapter else "")
    with Appender(run.file("samples.jsonl")) as samples:
        answerer = _ItemAnswerer(run.contexts(), readers, settings, samples)
        for arm in order:
            if arm.name in missing:
                with progress.step(f"answer: {arm.name}", total=len(missing[arm.name]), unit="items") as step:
                    for item in missing[arm.name]:
                        answerer.answer(arm, item)
                        step.advance()
        answerer.finish()


@dataclass(slots=True)
class _ItemAnswerer:
    """Answers item by item, and distinguishes a failed item from a model that cannot be reached.

    Attributes:
        contexts: Frozen contexts, by key and item.
        readers: Opens the models.
        settings: Settings that all arms share.
        samples: Where samples are written.
        unreached: Failures that may mean that the model is out of reach; written once it answers again.
        answered: Whether the model has answered any item.
    """

    contexts: Mapping[tuple[str, str], Context]
    readers: Readers
    settings: AnswerSettings
    samples: Appender
    unreached: list[tuple[Sample, ModelError]] = field(default_factory=list)
    answered: bool = False

    def answer(self, arm: Arm, item: Item) -> None:
        """Answer one item and write its sample."""
        context = self.contexts.get((arm.context_key, item.id))
        if arm.context_key != NONE and (context is None or context.error):
            reason = context.error if context else "never frozen"
            self.samples.append(failed_sample(arm.name, item, f"no context: {reason}"))
            return
        # Before the boundary below: a model that cannot be loaded ends the run, it does not fail the item.
        self._open(arm, item)
        started = time.perf_counter()
        try:
            evidence = PromptEvidence(context.text, context.weights, arm.marginal) if context else PromptEvidence()
            marked = self._call_reader(arm, item, evidence)
        except RUN_ENDING_ERRORS:
            raise
        except Exception as error:  # an item's boundary: recorded, and counted as wrong
            failed = failed_sample(arm.name, item, describe_error(error))
            self._failed(replace(failed, seconds=time.perf_counter() - started), error)
        else:
            self._write_unreached()
            self.answered = True
            self.samples.append(self._sample(arm, item, marked))

    def finish(self) -> None:
        """Write the last failures; if the model answered nothing at all, stop with its error instead."""
        if self.unreached and not self.answered:
            raise self.unreached[-1][1]
        self._write_unreached()

    def _open(self, arm: Arm, item: Item) -> None:
        """Open the reader outside the item's boundary: if it cannot be loaded, no item failed."""
        if item.choices:
            self.readers.scorer(arm.adapter)
        else:
            self.readers.chat(arm.adapter)

    def _call_reader(self, arm: Arm, item: Item, evidence: PromptEvidence) -> MarkedAnswer:
        if item.choices:
            return choose_option(
                item, evidence, self.readers.scorer(arm.adapter), self.settings.marking, self.settings.prompts
            )
        return write_answer(
            item, evidence, self.readers.chat(arm.adapter), self.settings.marking, self.settings.prompts
        )

    def _failed(self, sample: Sample, error: Exception) -> None:
        # An answer of the wrong form proves that the model is there: the failures before it were real ones.
        if not isinstance(error, ModelError) or isinstance(error, OutputError):
            self._write_unreached()
            self.samples.append(sample)
            return
        # Held back, since an outage must not be recorded as wrong answers.
        self.unreached.append((sample, error))
        if len(self.unreached) >= PATIENCE:
            raise error

    def _write_unreached(self) -> None:
        self.samples.append(*(sample for sample, _ in self.unreached))
        self.unreached.clear()

    def _sample(self, arm: Arm, item: Item, marked: MarkedAnswer) -> Sample:
        usage = marked.usage
        return Sample(
            arm=arm.name,
            item_id=item.id,
            prediction=marked.prediction,
            gold=gold_answer(item),
            correct=marked.correct,
            metrics=marked.metrics,
            scores=marked.scores,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            seconds=marked.seconds,
            cost_usd=self.settings.price(usage.tokens_in, usage.tokens_out, marked.seconds),
            tokens_estimated=usage.estimated,
        )
