"""A training run's state on disk, complete enough that a run cut off anywhere ends with the same weights.

One file, replaced in one move: a kill while it is being written leaves the one before it. It holds the trainable
weights, the optimizer's moments, the random number generators and what was done so far. All of them are needed for
equality to the bit: without the moments AdamW would warm up again, without the generators dropout would draw other
places. The order of texts and the learning rate are functions of the step, so they need no state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.errors import StoreError
from models.files.atomic import replacing

CHECKPOINT = "checkpoint.pt"


@dataclass(slots=True)
class TrainingState:
    """What a run has done so far.

    Attributes:
        step: Number of steps made.
        tokens: Number of tokens read.
        seconds: Wall-clock time of those steps.
        starts: How often the run was begun or resumed.
        losses: Loss of each step, in nats per token.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    starts: int = 1
    losses: list[float] = field(default_factory=list)

    def add(self, loss: float, tokens: int, seconds: float) -> None:
        """Count a step."""
        self.step += 1
        self.tokens += tokens
        self.seconds += seconds
        self.losses.append(loss)


def trainable(model: Any) -> dict[str, Any]:
    """The parameters that are trained, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def save_checkpoint(folder: Path, model: Any, optimizer: Any, state: TrainingState) -> None:
    """Write the checkpoint of a run, in place of the one before."""
    import torch

    content = {
        # The frozen base is not in it: its weights are known by their digest, and would be a thousand times as large.
        "adapter": {name: parameter.detach().cpu() for name, parameter in trainable(model).items()},
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "state": {name: getattr(state, name) for name in TrainingState.__dataclass_fields__},
    }
    for left_over in folder.glob(f".{CHECKPOINT}.*.part"):  # of a run that was killed while it wrote
        left_over.unlink()
    with replacing(folder / CHECKPOINT) as part:
        torch.save(content, part)


def load_checkpoint(folder: Path, model: Any, optimizer: Any) -> TrainingState | None:
    """Restore a run as it was when its checkpoint was made: weights, moments, random numbers.

    Returns:
        What was done so far, or None where there is no checkpoint.
    Raises:
        StoreError: The checkpoint is damaged or of another model.
    """
    import torch

    file = folder / CHECKPOINT
    if not file.exists():
        return None
    try:
        # weights_only: a checkpoint of a stranger's workspace must not run code.
        content = torch.load(file, map_location="cpu", weights_only=True)
        parameters, saved = trainable(model), content["adapter"]
        if parameters.keys() != saved.keys():
            raise KeyError(f"expected {len(parameters)} tensors, found {len(saved)}")
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(saved[name])
        optimizer.load_state_dict(content["optimizer"])
        state = TrainingState(**content["state"])
        # Last, so that nothing of this start has drawn before the next step does.
        torch.set_rng_state(content["random"])
        # On another number of GPUs dropout draws otherwise: exactness is promised for the same machine alone.
        if content["random_cuda"] and len(content["random_cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(content["random_cuda"])
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, EOFError) as error:
        raise StoreError(
            f"The checkpoint {file} cannot be used: {error}. Delete {folder} to train from the start."
        ) from error
    return state
