"""Model configurations: the shipped ones load, mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from models.config import EncoderModel, LlamaCppModel, OpenAIModel, TransformersModel, known_models, load_model
from models.errors import ConfigError
from models.weights.manifest import pinned


def test_every_shipped_configuration_loads_and_names_pinned_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_MODEL", "some-model")
    assert {"qwen-1.5b", "qwen-1.5b-hf", "smollm2-135m", "minilm", "mpnet", "openai"} <= set(known_models())
    for name in known_models():
        config = load_model(name)
        assert isinstance(config, OpenAIModel) or config.weights in pinned()


def test_backends_of_the_shipped_models() -> None:
    assert isinstance(load_model("qwen-1.5b"), LlamaCppModel)
    assert isinstance(load_model("qwen-1.5b-hf"), TransformersModel)
    assert isinstance(load_model("minilm"), EncoderModel)


def test_the_users_own_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("backend: transformers\nweights: ./there\ndtype: float32\n")
    assert load_model(str(file)) == TransformersModel(weights="./there", dtype="float32")


def test_a_configuration_survives_yaml(tmp_path: Path) -> None:
    config = OpenAIModel(base_url="http://a/v1", model="m", price={"usd_per_million_in": 0.5})  # type: ignore[arg-type]
    file = tmp_path / "again.yaml"
    file.write_text(yaml.safe_dump(config.model_dump()))
    assert load_model(str(file)) == config


def test_environment_variables_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "server.yaml"
    file.write_text("backend: openai\nbase_url: ${MY_URL:-http://127.0.0.1:1/v1}\nmodel: ${MY_MODEL}\n")
    monkeypatch.delenv("MY_URL", raising=False)
    monkeypatch.delenv("MY_MODEL", raising=False)
    with pytest.raises(ConfigError, match="MY_MODEL"):
        load_model(str(file))
    monkeypatch.setenv("MY_MODEL", "seven")
    config = load_model(str(file))
    assert isinstance(config, OpenAIModel)
    assert (config.base_url, config.model) == ("http://127.0.0.1:1/v1", "seven")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("backend: transformers\nweights: a\ndtpye: float32\n", "dtpye"),
        ("backend: transformers\n", "weights"),
        ("backend: magic\nweights: a\n", "magic"),
        ("weights: a\n", "backend"),
        ("- a\n", "mapping"),
        ("a: [\n", "as YAML, but it does not parse"),
        ("backend: openai\nbase_url: a\nmodel: b\nretries: -1\n", "retries"),
    ],
)
def test_a_mistake_is_named(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_model(str(file))
    assert "wrong.yaml" in str(caught.value)


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ConfigError, match=r"minilm.*smollm2-135m"):
        load_model("gpt-9")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        load_model("nowhere.yaml")
