"""Training settings: what is refused, and what names an adapter."""

from pathlib import Path

import pytest

from models.errors import ConfigError
from training.config import TrainConfig, load_config, parse_config


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(ConfigError, match="learning_rat"):
        parse_config({"learning_rat": 1e-4})


@pytest.mark.parametrize(
    "values",
    [{"rank": 0}, {"epochs": 0}, {"learning_rate": 0}, {"warmup_share": 1}, {"dropout": 1}, {"schedule": "linear"}],
)
def test_values_out_of_range_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(values))):
        parse_config(values, "flags")


@pytest.mark.parametrize(
    "changed",
    [{"rank": 4}, {"seed": 3}, {"targets": ["q_proj"]}, {"isolate": False}, {"paraphrases": 2}, {"alpha": 1.0}],
)
def test_each_setting_that_changes_the_result_changes_the_digest(changed: dict[str, object]) -> None:
    assert parse_config(changed).digest != TrainConfig().digest


def test_scale_follows_rank_unless_given() -> None:
    assert TrainConfig(rank=4).scale == TrainConfig(rank=64).scale == 2
    assert TrainConfig(rank=4, alpha=4).scale == 1


def test_yaml_file_round_trip(tmp_path: Path) -> None:
    file = tmp_path / "train.yaml"
    file.write_text("rank: 4\ntargets: [q_proj, v_proj]\n")
    config = load_config(file)
    assert (config.rank, config.targets) == (4, ("q_proj", "v_proj"))
    assert parse_config(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("text", ["- rank", "rank: [", "rank: many"])
def test_a_file_that_is_no_configuration_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "train.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"train\.yaml"):
        load_config(file)


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(ConfigError, match="nothing to train on"):
        parse_config({"raw": False})
    assert not parse_config({"raw": False, "paraphrases": 1}).raw
