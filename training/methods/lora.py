"""Training methods: a base model to the same model with a few trainable weights. LoRA through PEFT.

The base is frozen and keeps its number format; the adapter's factors are float32, since an update of the size of the
learning rate is lost in bfloat16's eight bits of mantissa. The output head is never adapted. A method of your own is a
function of the model and the settings that returns a PEFT model; name it by its dotted path.

Source: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, cast

from models.errors import ConfigError, unknown_name
from models.runtime.dotted import is_dotted, load_dotted
from training.config import TrainConfig

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
"""Names of the attention's linear layers in Llama, Qwen, Mistral, Gemma and their relatives."""

Method = Callable[[Any, TrainConfig], Any]
"""A transformers model and settings to a PEFT model whose base is frozen."""


def lora(model: Any, config: TrainConfig) -> Any:
    """Fit an untrained LoRA adapter to a model, which is frozen; the model's outputs do not change yet.

    Args:
        model: A transformers causal language model; PEFT puts its layers into it.
        config: Rank, scale, dropout and targets.
    Returns:
        PEFT model; its trainable parameters are float32.
    Raises:
        ConfigError: No module has one of the names in `targets`.
    """
    from peft import LoraConfig, TaskType, get_peft_model

    targets = config.targets
    modules = list(ATTENTION) if targets == "attention" else targets if isinstance(targets, str) else list(targets)
    settings = LoraConfig(
        r=config.rank,
        lora_alpha=config.scale * config.rank,  # PEFT divides by the rank again
        lora_dropout=config.dropout,
        target_modules=modules,
        task_type=TaskType.CAUSAL_LM,
    )
    try:
        with warnings.catch_warnings():
            # PEFT 0.21 calls a property of transformers 5 that is deprecated.
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
            return get_peft_model(model, settings, autocast_adapter_dtype=True)
    except ValueError as error:
        raise ConfigError(
            f"LoRA cannot be fitted to {type(model).__name__} with targets {targets!r}: {error}. "
            "Expected all-linear, attention, or names of linear modules of this model."
        ) from error


METHODS: dict[str, Method] = {"lora": lora}
"""Training methods by name: a new one is a function and a line here."""


def find_method(name: str) -> Method:
    """A method by its name in `METHODS`, or by dotted path.

    Raises:
        ConfigError: There is no such method.
    """
    if name in METHODS:
        return METHODS[name]
    if not is_dotted(name):
        raise ConfigError(unknown_name("training method", name, METHODS, "a path package.module:function"))
    method = load_dotted(name)
    if not callable(method):
        raise ConfigError(f"The training method {name!r} is a {type(method).__name__}; expected a function.")
    return cast(Method, method)
