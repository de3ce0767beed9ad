"""Answering: every arm, every item, one sample each on the disk before the next is asked.

An item that fails is a sample with an error, counted as wrong. A model that cannot be reached, or refuses
every item, stops the run instead: its failures are no answers, so they are not written, and the same command
goes on when the model is back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from eval.arms.answering import Answer, Evidence, Marking, Prompts, choose, failed_sample, gold_of, reply
from eval.arms.readers import Readers
from eval.runs.folder import RunFolder
from eval.runs.records import Appender
from eval.systems import NONE
from eval.types import Context, Item, Sample
from models.errors import NOT_OF_THE_ITEM, ModelError, OutputError
from models.protocols import Marginal
from models.runtime.progress import SILENT, Progress

PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm as it is answered.

    Attributes:
        name: As samples show it: the system's name, with "#SEED" where several adapters are trained.
        system: The system's name, one row of the table.
        context_key: Which frozen contexts it reads, or "none".
        adapter: Folder of its adapter, or None.
        marginal: How its evidence is read: see `eval.systems.SystemConfig`.
    """

    name: str
    system: str
    context_key: str
    adapter: Path | None = None
    marginal: Marginal | Literal["none"] = "none"


@dataclass(frozen=True, slots=True)
class Asking:
    """What every arm shares.

    Attributes:
        marking: How answers are asked for and marked.
        prompts: The wording.
        price: Cost in US dollars of tokens read, tokens written and seconds.
    """

    marking: Marking
    prompts: Prompts
    price: Callable[[int, int, float], float]


def missing_samples(
    run: RunFolder, arms: Sequence[Arm], items: Sequence[Item], retry_failed: bool
) -> dict[str, list[Item]]:
    """Items still to be answered, by arm; arms without any are left out."""
    known = run.samples()
    wanted = {
        arm.name: [
            item
            for item in items
            if (arm.name, item.id) not in known or (retry_failed and known[arm.name, item.id].error)
        ]
        for arm in arms
    }
    return {name: left for name, left in wanted.items() if left}


def score(
    run: RunFolder,
    arms: Sequence[Arm],
    missing: Mapping[str, Sequence[Item]],
    readers: Readers,
    asking: Asking,
    progress: Progress = SILENT,
) -> None:
    """Answer what is missing; arms of one adapter follow each other, so that each adapter is loaded once.

    Raises:
        ModelError: The model cannot be reached, or refused several items in a row and answered none between.
        BudgetReached: The budget is used up.
    """
    order = sorted(arms, key=lambda arm: arm.adapter.name if arm.adapter else "")
    with Appender(run.file("samples.jsonl")) as samples:
        examiner = _Examiner(run.contexts(), readers, asking, samples)
        for arm in order:
            if arm.name in missing:
                with progress.step(f"answer: {arm.name}", total=len(missing[arm.name]), unit="items") as step:
                    for item in missing[arm.name]:
                        examiner.ask(arm, item)
                        step.advance()
        examiner.finish()


@dataclass(slots=True)
class _Examiner:
    """Asks item by item, and tells a failed item from a model that is away."""

    contexts: Mapping[tuple[str, str], Context]
    readers: Readers
    asking: Asking
    samples: Appender
    away: list[tuple[Sample, ModelError]] = field(default_factory=list)
    answered: bool = False

    def ask(self, arm: Arm, item: Item) -> None:
        """Answer one item and write its sample."""
        context = self.contexts.get((arm.context_key, item.id))
        if arm.context_key != NONE and (context is None or context.error):
            reason = context.error if context else "never frozen"
            self.samples.append(failed_sample(arm.name, item, f"no context: {reason}"))
            return
        self._open(arm, item)
        started = time.perf_counter()
        try:
            read = Evidence(context.text, context.weights, arm.marginal) if context else Evidence()
            answer = self._answer(arm, item, read)
        except NOT_OF_THE_ITEM:
            raise
        except Exception as error:  # an item's boundary: recorded, and counted as wrong
            failed = failed_sample(arm.name, item, f"{type(error).__name__}: {error}")
            self._failed(replace(failed, seconds=time.perf_counter() - started), error)
        else:
            self._write_away()
            self.answered = True
            self.samples.append(self._sample(arm, item, answer))

    def finish(self) -> None:
        """Write the last failures; if the model answered nothing at all, stop with its error instead."""
        if self.away and not self.answered:
            raise self.away[-1][1]
        self._write_away()

    def _open(self, arm: Arm, item: Item) -> None:
        """Open the reader outside the item's boundary: if it cannot be loaded, no item failed."""
        if item.choices:
            self.readers.scorer(arm.adapter)
        else:
            self.readers.chat(arm.adapter)

    def _answer(self, arm: Arm, item: Item, evidence: Evidence) -> Answer:
        if item.choices:
            return choose(item, evidence, self.readers.scorer(arm.adapter), self.asking.marking, self.asking.prompts)
        return reply(item, evidence, self.readers.chat(arm.adapter), self.asking.marking, self.asking.prompts)

    def _failed(self, sample: Sample, error: Exception) -> None:
        if not isinstance(error, ModelError) or isinstance(error, OutputError):
            self._write_away()
            self.samples.append(sample)
            return
        self.away.append((sample, error))
        if len(self.away) >= PATIENCE:
            raise error

    def _write_away(self) -> None:
        self.samples.append(*(sample for sample, _ in self.away))
        self.away.clear()

    def _sample(self, arm: Arm, item: Item, answer: Answer) -> Sample:
        usage = answer.usage
        return Sample(
            arm=arm.name,
            item_id=item.id,
            prediction=answer.prediction,
            gold=gold_of(item),
            correct=answer.correct,
            metrics=answer.metrics,
            scores=answer.scores,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            seconds=answer.seconds,
            cost_usd=self.asking.price(usage.tokens_in, usage.tokens_out, answer.seconds),
        )
