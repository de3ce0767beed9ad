"""The adapter before its first step: where it sits, what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from models.errors import ConfigError
from models.local.causal import load_causal
from models.weights.resolve import resolve
from training.config import TrainConfig, parse_config
from training.methods.lora import find_method, lora
from training.runs.request import base_config


def load(base: str, dtype: str = "float32") -> Any:
    return load_causal(resolve(base_config(base).weights), dtype, "cpu")[0]


def adapted(model: Any) -> set[str]:
    return {name.split(".")[-4] for name, each in model.named_parameters() if each.requires_grad}


def test_all_linear_layers_are_adapted_but_never_the_head(tiny_base: str) -> None:
    model = lora(load(tiny_base), TrainConfig(rank=2))
    assert adapted(model) == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


@pytest.mark.parametrize(("targets", "names"), [("attention", "qkvo"), (["v_proj"], "v")])
def test_targets_choose_the_layers(tiny_base: str, targets: object, names: str) -> None:
    model = lora(load(tiny_base), parse_config({"rank": 2, "targets": targets}))
    assert adapted(model) == {f"{name}_proj" for name in names}


def test_the_adapter_is_float32_on_a_frozen_bfloat16_base_and_changes_nothing_yet(tiny_base: str) -> None:
    import torch

    ids = torch.arange(1, 9)[None]
    plain = load(tiny_base, "bfloat16")
    with torch.no_grad():
        before = plain(ids).logits
        model = lora(plain, TrainConfig(rank=2))
        assert torch.equal(model(ids).logits, before)
    dtypes = {(each.requires_grad, each.dtype) for each in model.parameters()}
    assert dtypes == {(True, torch.float32), (False, torch.bfloat16)}


def test_alpha_sets_the_scale(tiny_base: str) -> None:
    model = lora(load(tiny_base), TrainConfig(rank=2, alpha=3))
    assert model.base_model.model.model.layers[0].mlp.up_proj.scaling == {"default": 1.5}


def test_an_unknown_target_is_named(tiny_base: str) -> None:
    with pytest.raises(ConfigError, match="query_key"):
        lora(load(tiny_base), parse_config({"targets": ["query_key"]}))


def test_a_method_is_found_by_name_or_dotted_path() -> None:
    assert find_method("lora") is find_method("training.methods.lora:lora") is lora
    for wrong in ("lara", "training.methods.lora:none", "training.methods.lora:ATTENTION"):
        with pytest.raises(ConfigError, match=wrong):
            find_method(wrong)
