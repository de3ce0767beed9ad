"""Which models there are and how each is reached: the YAML files of `configs/models/`, typed.

A configuration names a backend and its weights or endpoint, and never holds a key: it names the environment
variable that does. `${NAME}` and `${NAME:-default}` in a value stand for an environment variable.

    load_model("qwen-1.5b")          # configs/models/qwen-1.5b.yaml
    load_model("./my-model.yaml")    # the user's own
"""

from __future__ import annotations

import os
import re
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from models.errors import ConfigError, describe

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Price(_Strict):
    """What a model costs, in US dollars; all zero for one that runs on this machine.

    Attributes:
        usd_per_million_in: Per million tokens read.
        usd_per_million_out: Per million tokens written.
        usd_per_hour: Per hour of the model's own working time, for rented hardware.
    """

    usd_per_million_in: float = Field(default=0, ge=0)
    usd_per_million_out: float = Field(default=0, ge=0)
    usd_per_hour: float = Field(default=0, ge=0)


class OpenAIModel(_Strict):
    """Any server that speaks OpenAI's chat completions.

    Attributes:
        base_url: Address of the server, up to and including `/v1`.
        model: The model's name on that server.
        api_key_env: Environment variable that holds the key; unset means no key.
        timeout_s: Longest wait for one answer, in seconds.
        retries: Tries after the first, on a fault that may pass.
        context_tokens: Length of the model's context.
        parallel: Calls in flight at once.
    """

    backend: Literal["openai"] = "openai"
    base_url: str
    model: str
    api_key_env: str = "OPENAI_API_KEY"
    timeout_s: float = Field(default=120, gt=0)
    retries: int = Field(default=6, ge=0)
    context_tokens: int = Field(default=8192, gt=0)
    parallel: int = Field(default=4, ge=1)
    price: Price = Price()


class LlamaCppModel(_Strict):
    """A GGUF file behind a llama.cpp server on loopback, started and ended by us.

    Attributes:
        weights: What `models.weights.resolve.resolve` takes; must give a GGUF file.
        adapter: Folder of a LoRA adapter that is used with the weights; relative to the YAML file.
        trained_for: What the adapter was trained to do: "extraction" is asked in the form it learnt, without examples.
        context_tokens: Context of each of the parallel calls.
        parallel: Calls in flight at once.
        threads: Processor threads; 0 means all.
        timeout_s: Longest wait for one answer, in seconds.
        retries: Tries after the first, on a fault that may pass.
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


class TransformersModel(_Strict):
    """A causal language model in this process, with or without an adapter.

    Attributes:
        weights: What `models.weights.resolve.resolve` takes: safetensors, or a GGUF file that is converted once.
        adapter: Folder of a LoRA adapter that is used with the weights; relative to the YAML file.
        trained_for: What the adapter was trained to do: "extraction" is asked in the form it learnt, without examples.
        dtype: Number format of the weights in memory; "auto" is bfloat16 where the device computes in it, else float32.
        device: "auto" is the first accelerator, else the processor.
        parallel: Most conversations that are answered together; each batch costs memory for its caches.
    """

    backend: Literal["transformers"] = "transformers"
    weights: str
    adapter: str | None = Field(default=None, min_length=1)
    trained_for: Literal["", "extraction"] = ""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    device: str = "auto"
    parallel: int = Field(default=8, ge=1)
    price: Price = Price()


class EncoderModel(_Strict):
    """A sentence-transformers bi-encoder.

    Attributes:
        weights: What `models.weights.resolve.resolve` takes.
        batch_size: Texts per forward pass.
        query_prefix: Put before every query, as some encoders were trained to expect.
        passage_prefix: Put before every passage.
        hops: Folder of an adapter that leads from a question, and what was found for it, to the next passage (see
            `training.hops`); relative to the YAML file.
        device: "auto" is the first accelerator, else the processor.
    """

    backend: Literal["sentence-transformers"] = "sentence-transformers"
    weights: str
    batch_size: int = Field(default=32, ge=1)
    query_prefix: str = ""
    passage_prefix: str = ""
    hops: str | None = Field(default=None, min_length=1)
    device: str = "auto"


class RerankerModel(_Strict):
    """A sentence-transformers cross-encoder.

    Attributes:
        weights: What `models.weights.resolve.resolve` takes.
        batch_size: Pairs per forward pass.
        device: "auto" is the first accelerator, else the processor.
    """

    backend: Literal["cross-encoder"] = "cross-encoder"
    weights: str
    batch_size: int = Field(default=32, ge=1)
    device: str = "auto"


ModelConfig = Annotated[
    OpenAIModel | LlamaCppModel | TransformersModel | EncoderModel | RerankerModel, Field(discriminator="backend")
]
_ADAPTER: TypeAdapter[ModelConfig] = TypeAdapter(ModelConfig)


def known_models() -> tuple[str, ...]:
    """Short names of the models that come with GRAFT, sorted."""
    folder = resources.files("configs").joinpath("models")
    return tuple(sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml")))


def load_model(name: str) -> ModelConfig:
    """Read a model's configuration.

    Args:
        name: A short name (see `known_models`) or the path of a YAML file, ending in `.yaml` or `.yml`.
    Raises:
        ConfigError: The name is unknown, the file unreadable, a field wrong or a variable unset.
    Example:
        >>> load_model("qwen-1.5b").backend
        'llamacpp'
    """
    return parse_model(_read(name), source=name)


def adapter_of(name: str, config: ModelConfig) -> Path | None:
    """Folder of the adapter that a model's configuration names, None where it names none.

    Args:
        name: As given to `load_model`.
        config: What it gave.
    """
    return _beside(name, config.adapter) if isinstance(config, LlamaCppModel | TransformersModel) else None


def hops_of(name: str, config: ModelConfig) -> Path | None:
    """Folder of the adapter for hops that an encoder's configuration names. Arguments as of `adapter_of`."""
    return _beside(name, config.hops) if isinstance(config, EncoderModel) else None


def _beside(name: str, folder_name: str | None) -> Path | None:
    """A folder that stands beside a configuration's file."""
    if folder_name is None:
        return None
    own = name.endswith((".yaml", ".yml"))
    folder = Path(name).expanduser().parent if own else Path(str(resources.files("configs").joinpath("models")))
    return folder / folder_name


def parse_model(text: str, source: str = "the model configuration") -> ModelConfig:
    """Check the YAML text of a model configuration.

    Raises:
        ConfigError: It is not a mapping, a field is wrong or a variable unset; the message names `source`.
    """
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{source} is not YAML: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{source}: expected a mapping with a `backend`, got {type(value).__name__}.")
    try:
        return _ADAPTER.validate_python(_expand(value, source))
    except ValidationError as error:
        raise ConfigError(f"{source} is not a model configuration: {describe(error)}.") from error


def _read(name: str) -> str:
    if name.endswith((".yaml", ".yml")):
        try:
            return Path(name).expanduser().read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"The model configuration {name} cannot be read: {error.strerror or error}.") from error
    if name not in known_models():
        raise ConfigError(
            f"No model is called {name!r}. Known: {', '.join(known_models())}; "
            "or give the path of your own .yaml file, or package.module:Class."
        )
    return resources.files("configs").joinpath("models", f"{name}.yaml").read_text(encoding="utf-8")


def _expand(value: Any, source: str) -> Any:
    if isinstance(value, dict):
        return {key: _expand(item, source) for key, item in value.items()}
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        found = os.environ.get(match[1]) or match[2]
        if found is None:
            raise ConfigError(f"{source} needs the environment variable {match[1]}, which is not set.")
        return found

    return _VARIABLE.sub(variable, value)
