"""The steps of a training run: loss, backward, clip, AdamW; each one logged, some checkpointed.

One loop for whatever is trained: an `Objective` says what a step reads and what its loss is. Which batch a step reads
and its learning rate are functions of the step's number alone, so that a run that continues from a checkpoint makes the
very steps that an undisturbed one makes. On a processor with the same number of threads the weights come out equal to
the bit.

    model, state = fit(lambda: adapted(base), objective, seed=0, folder=partial, progress=progress)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from models.runtime.progress import Progress
from training.runs.checkpoint import TrainingState, load_checkpoint, save_checkpoint, trainable
from training.runs.log import LOG, check_finite, log_line, open_log
from training.runs.schedule import Schedule, learning_rate

if TYPE_CHECKING:
    import torch

Batch = TypeVar("Batch")


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """What the loop needs to know of a run beside its objective.

    Attributes:
        label: What the progress bar says.
        unit: What it counts: "tokens".
        total_units: How many of them all steps read.
        steps: Steps of the run.
        schedule: Schedule of the learning rate.
        weight_decay: Weight decay of AdamW.
        clip_norm: Largest L2 norm of the gradient of one step; None does not clip.
        checkpoint_steps: Steps between two checkpoints.
    """

    label: str
    unit: str
    total_units: int
    steps: int
    schedule: Schedule
    weight_decay: float
    clip_norm: float | None
    checkpoint_steps: int


class Objective(Protocol[Batch]):
    """What a run minimises, over which batches."""

    @property
    def settings(self) -> LoopSettings:
        """Length, schedule and optimizer of the run."""

    def batches(self, begin: int) -> Iterator[Batch]:
        """The batches of all steps from `begin` on; a function of the seed and the step, not of what came before."""

    def units(self, batch: Batch) -> int:
        """What a batch advances the progress bar by."""

    def units_before(self, state: TrainingState) -> int:
        """The units of all steps that are done."""

    def loss(self, model: Any, batch: Batch) -> tuple[torch.Tensor, int]:
        """The loss of a batch, a scalar to go backward from, and the tokens that were read for it."""


def fit(
    make_model: Callable[[], Any], objective: Objective[Batch], seed: int, folder: Path, progress: Progress
) -> tuple[Any, TrainingState]:
    """Make a model and train it, from its checkpoint if the run has one.

    Args:
        make_model: Puts an adapter to a base model; it draws the first weights from torch's generator.
        objective: What is minimised.
        seed: Of torch's generator, which the caller has back as it was.
        folder: Where the checkpoint and the log are.
        progress: Progress callback, of units and losses.
    Returns:
        The trained model, and what was done in all starts.
    Raises:
        GraftError: The loss is no longer a number.
        StoreError: The checkpoint cannot be used.
    """
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = make_model()
        model.train()
        return model, run_steps(model, objective, folder, progress)


def run_steps(model: Any, objective: Objective[Batch], folder: Path, progress: Progress) -> TrainingState:
    """Make the steps that are left of a run; arguments and errors as those of `fit`."""
    import torch

    settings = objective.settings
    parameters = list(trainable(model).values())
    optimizer = torch.optim.AdamW(parameters, lr=settings.schedule.peak, weight_decay=settings.weight_decay)
    # The checkpoint also sets torch's generator, so that dropout draws what it would have drawn.
    resumed = load_checkpoint(folder, model, optimizer)
    state = resumed or TrainingState()
    state.starts += resumed is not None
    done = objective.units_before(state)
    with (
        open_log(folder / LOG, state.step) as log,
        progress.step(settings.label, total=settings.total_units, unit=settings.unit, done=done) as bar,
    ):
        for batch in objective.batches(state.step):
            began = time.perf_counter()
            rate = learning_rate(state.step, settings.steps, settings.schedule)
            loss, tokens = objective.loss(model, batch)
            value = _update(loss, parameters, optimizer, rate, settings.clip_norm)
            state.add(value, tokens, time.perf_counter() - began)
            # Before the checkpoint: weights that are no numbers must not replace the last good ones.
            check_finite(state, folder, settings.schedule.peak)
            log.write(log_line(state, rate))
            log.flush()
            bar.advance(objective.units(batch))
            bar.note(f"loss {value:.3f}")
            # One after the last step, too: a stop before the adapter is published then costs no step.
            if state.step % settings.checkpoint_steps == 0 or state.step == settings.steps:
                save_checkpoint(folder, model, optimizer, state)
    return state


def _update(loss: torch.Tensor, parameters: list[Any], optimizer: Any, rate: float, clip_norm: float | None) -> float:
    """Backward pass and one step of the optimizer; the loss as a number."""
    import torch

    for group in optimizer.param_groups:
        group["lr"] = rate
    loss.backward()  # type: ignore[no-untyped-call]
    if clip_norm is not None:
        # AdamW is nearly indifferent to the gradient's scale, but not to one step's outlier in its moments.
        torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())
