"""Which models there are and how each is reached: the YAML files of `configs/models/`, typed.

A configuration names a backend and its weights or endpoint, and never holds a key: it names the environment
variable that does. `${NAME}` and `${NAME:-default}` in a value stand for an environment variable.

    load_model("qwen-1.5b")          # configs/models/qwen-1.5b.yaml
    load_model("./my-model.yaml")    # the user's own
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, TypeAdapter, field_validator

from configs import shipped_names
from models.errors import ConfigError, unknown_name
from models.files.settings import StrictSettings, check_settings, parse_mapping, read_yaml_text
from models.network.address import parse_address
from models.network.keys import check_variable

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_NAME = "settings of a model"


class Price(StrictSettings):
    """What a model costs, in US dollars; all zero for one that runs on this machine.

    Attributes:
        usd_per_million_in: Price of a million tokens read.
        usd_per_million_out: Price of a million tokens written.
        usd_per_hour: Price of an hour of the model's own working time, for rented hardware.
    """

    usd_per_million_in: float = Field(default=0, ge=0)
    usd_per_million_out: float = Field(default=0, ge=0)
    usd_per_hour: float = Field(default=0, ge=0)


class OpenAIModel(StrictSettings):
    """Any server that speaks OpenAI's chat completions.

    Attributes:
        base_url: Address of the server, up to and including `/v1`; a query (`?api-version=...`) is sent with every
            request, `user:password@` as basic authentication instead of the key.
        model: The model's name on that server.
        api_key_env: Name of the environment variable that holds the key; if it is unset, no key is sent.
        api_key_header: Header that carries the key: "Authorization" as a bearer token, any other, such as Azure's
            "api-key", as it is.
        timeout_s: Maximum time of one exchange, in seconds.
        retries: Number of further tries after a temporary fault.
        context_tokens: Length of the model's context, in tokens.
        parallel: Maximum number of calls in flight.
        omit: Parameters that the model does not take: temperature, seed, max_tokens (the limit of tokens under either
            of its names), strict (of a schema), system (messages of that role go to the head of the user's). What a
            server refuses by name is learnt in any case, once a run. Without temperature and seed, replies are not
            reproducible.
        structured: How the form of a reply is asked for: by a schema, by JSON mode with the schema in the prompt
            ("json"), or by the prompt alone ("prompt"). A server that refuses one is asked in the next way.
        stream: Whether replies are asked for as streams, for servers that do nothing else; learnt from a refusal too.
    """

    backend: Literal["openai"] = "openai"
    base_url: str
    model: str
    api_key_env: str = "OPENAI_API_KEY"
    api_key_header: str = Field(default="Authorization", pattern=r"^[A-Za-z0-9-]+$")
    timeout_s: float = Field(default=120, gt=0)
    retries: int = Field(default=6, ge=0)
    context_tokens: int = Field(default=8192, gt=0)
    parallel: int = Field(default=4, ge=1)
    omit: tuple[Literal["temperature", "seed", "max_tokens", "strict", "system"], ...] = ()
    structured: Literal["schema", "json", "prompt"] = "schema"
    stream: bool = False
    price: Price = Price()

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parse_address(value)
        return value

    @field_validator("api_key_env")
    @classmethod
    def _is_variable(cls, value: str) -> str:
        return check_variable(value)


class LlamaCppModel(StrictSettings):
    """A GGUF file behind a llama.cpp server on loopback, started and ended by us.

    Attributes:
        weights: Name of the weights, as `models.weights.resolve.resolve` takes it; must give a GGUF file.
        adapter: Folder of a LoRA adapter that is used with the weights; relative to the YAML file.
        trained_for: Task of the adapter: a model trained for "extraction" gets the prompt form it learnt, no examples.
        context_tokens: Length of the context of each parallel call, in tokens.
        parallel: Maximum number of calls in flight.
        threads: Number of processor threads; 0 means all.
        timeout_s: Maximum time of one exchange, in seconds.
        retries: Number of further tries after a temporary fault.
    """

    backend: Literal["llamacpp"] = "llamacpp"
    weights: str
    adapter: str | None = Field(default=None, min_length=1)
    trained_for: Literal["", "extraction"] = ""
    context_tokens: int = Field(default=8192, gt=0)
    parallel: int = Field(default=2, ge=1)
    threads: int = Field(default=0, ge=0)
    timeout_s: float = Field(default=600, gt=0)
    retries: int = Field(default=2, ge=0)
    price: Price = Price()


class TransformersModel(StrictSettings):
    """A causal language model in this process, with or without an adapter.

    Attributes:
        weights: Name of the weights, as `models.weights.resolve.resolve` takes it: safetensors, or a GGUF file that
            is converted once.
        adapter: Folder of a LoRA adapter that is used with the weights; relative to the YAML file.
        trained_for: Task of the adapter: a model trained for "extraction" gets the prompt form it learnt, no examples.
        dtype: Number format of the weights in memory; "auto" is bfloat16 where the device computes in it, else float32.
        device: "auto" is the first GPU or other accelerator, else the CPU.
        parallel: Maximum number of conversations in a batch; each one costs memory for its keys and values.
    """

    backend: Literal["transformers"] = "transformers"
    weights: str
    adapter: str | None = Field(default=None, min_length=1)
    trained_for: Literal["", "extraction"] = ""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    device: str = "auto"
    parallel: int = Field(default=8, ge=1)
    price: Price = Price()


class EncoderModel(StrictSettings):
    """A sentence-transformers bi-encoder.

    Attributes:
        weights: Name of the weights, as `models.weights.resolve.resolve` takes it.
        batch_size: Number of texts in a forward pass.
        query_prefix: Text put before every query, as some encoders were trained to expect.
        passage_prefix: Text put before every passage.
        languages: ISO 639-1 codes of the languages that it was trained on, for a warning where the passages are in
            others; empty for many languages, or for unknown ones.
        mean: File of the mean of its vectors, which is subtracted so that cosines of unrelated texts are near 0, as
            thresholds expect (see `models.local.mean`); relative to the YAML file.
        hops: Folder of an adapter that leads from a question, and the passages found for it, to the next passage (see
            `training.hops`); relative to the YAML file.
        device: "auto" is the first GPU or other accelerator, else the CPU.
    """

    backend: Literal["sentence-transformers"] = "sentence-transformers"
    weights: str
    batch_size: int = Field(default=32, ge=1)
    query_prefix: str = ""
    passage_prefix: str = ""
    languages: tuple[str, ...] = ()
    mean: str | None = Field(default=None, min_length=1)
    hops: str | None = Field(default=None, min_length=1)
    device: str = "auto"


class RerankerModel(StrictSettings):
    """A sentence-transformers cross-encoder.

    Attributes:
        weights: Name of the weights, as `models.weights.resolve.resolve` takes it.
        batch_size: Number of pairs of question and passage in a forward pass.
        device: "auto" is the first GPU or other accelerator, else the CPU.
    """

    backend: Literal["cross-encoder"] = "cross-encoder"
    weights: str
    batch_size: int = Field(default=32, ge=1)
    device: str = "auto"


ModelConfig = Annotated[
    OpenAIModel | LlamaCppModel | TransformersModel | EncoderModel | RerankerModel, Field(discriminator="backend")
]
_ADAPTER: TypeAdapter[ModelConfig] = TypeAdapter(ModelConfig)


CHAT_BACKENDS = ("openai", "llamacpp", "transformers")
"""Backends whose models answer messages."""


def known_models(backends: Collection[str] = ()) -> tuple[str, ...]:
    """Short names of the models that come with GRAFT, sorted: the files of `configs/models/`.

    Args:
        backends: Only models with one of these backends; empty for all.
    Example:
        >>> "minilm" in known_models(), "minilm" in known_models(CHAT_BACKENDS)
        (True, False)
    """
    names = shipped_names("models")
    if backends:
        names = [name for name in names if yaml.safe_load(_shipped_text(name))["backend"] in backends]
    return tuple(names)


def load_model(name: str, backends: Collection[str] = ()) -> ModelConfig:
    """Read a model's configuration.

    Args:
        name: A short name (see `known_models`) or the path of a YAML file, ending in `.yaml` or `.yml`.
        backends: Backends of the models that an error offers instead of an unknown name; empty for all. A known model
            of another backend is read all the same.
    Raises:
        ConfigError: The name is unknown, the file unreadable, a field wrong or a variable unset.
    Example:
        >>> load_model("qwen-1.5b").backend
        'llamacpp'
    """
    return parse_model(_yaml_text(name, backends), source=name)


def adapter_of(name: str, config: ModelConfig) -> Path | None:
    """Folder of the adapter that a model's configuration names, None where it names none.

    Args:
        name: The name that was given to `load_model`.
        config: The configuration that `load_model` returned.
    """
    return _beside(name, config.adapter) if isinstance(config, LlamaCppModel | TransformersModel) else None


def hops_of(name: str, config: ModelConfig) -> Path | None:
    """Folder of the adapter for hops that an encoder's configuration names, None where it names none.

    Args:
        name: The name that was given to `load_model`.
        config: The configuration that `load_model` returned.
    """
    return _beside(name, config.hops) if isinstance(config, EncoderModel) else None


def mean_of(name: str, config: ModelConfig) -> Path | None:
    """File of the mean of its vectors that an encoder's configuration names, None where it names none.

    Args:
        name: The name that was given to `load_model`.
        config: The configuration that `load_model` returned.
    """
    return _beside(name, config.mean) if isinstance(config, EncoderModel) else None


def _beside(name: str, folder_name: str | None) -> Path | None:
    """A file or folder, relative to the file of a configuration."""
    if folder_name is None:
        return None
    folder = Path(name).expanduser().parent if _is_file(name) else Path(str(_shipped_models()))
    return folder / folder_name


def parse_model(text: str, source: str = "the model configuration") -> ModelConfig:
    """Check the YAML text of a model configuration.

    Raises:
        ConfigError: It is not a mapping, a field is wrong or a variable unset; the message names `source`.
    """
    values = _expand(parse_mapping(text, source, _NAME), source)
    return check_settings(values, _ADAPTER, source, _NAME)


def _is_file(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _shipped_models() -> Traversable:
    return resources.files("configs").joinpath("models")


def _shipped_text(name: str) -> str:
    return _shipped_models().joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def _yaml_text(name: str, backends: Collection[str]) -> str:
    if _is_file(name):
        return read_yaml_text(Path(name), _NAME)
    if name not in known_models():
        other = "the path of your own .yaml file, or of your own class as package.module:Class"
        raise ConfigError(unknown_name("model", name, known_models(backends), other))
    return _shipped_text(name)


def _expand(value: Any, source: str) -> Any:
    """A value of YAML with `${NAME}` and `${NAME:-default}` replaced, in nested mappings too."""
    if isinstance(value, dict):
        return {key: _expand(item, source) for key, item in value.items()}
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        # As in a shell, ":-" also replaces a variable that is set to nothing.
        text = os.environ.get(match[1]) or match[2]
        if text is None:
            raise ConfigError(f"{source} needs the environment variable {match[1]}, which is not set. Set it.")
        return text

    return _VARIABLE.sub(variable, value)
