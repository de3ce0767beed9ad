"""Names to open models: the one file that knows which class belongs to which backend.

A name is a short one (`configs/models/NAME.yaml`), the path of a YAML file, or `package.module:Class` of the
user's own model. A chat model and a scorer of the same name and adapter share one copy of the weights.

    scorer = open_scorer("smollm2-135m", adapter=Path("adapters/notes"))
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast
from weakref import WeakValueDictionary

from models.config import (
    CHAT_BACKENDS,
    EncoderModel,
    LlamaCppModel,
    ModelConfig,
    OpenAIModel,
    RerankerModel,
    TransformersModel,
    adapter_of,
    hops_of,
    load_model,
    mean_of,
)
from models.errors import ConfigError
from models.protocols import ChatModel, ChoiceScorer, Encoder, Reranker
from models.runtime.dotted import is_dotted, load_dotted
from models.runtime.progress import SILENT, Progress

if TYPE_CHECKING:
    from models.calls.records import Budget, Records
    from models.local.causal import CausalModel

# Weak values: the weights are freed when the last chat model or scorer over them is closed.
_loaded: WeakValueDictionary[tuple[str, ...], CausalModel] = WeakValueDictionary()
_loading = threading.Lock()


def open_chat(
    name: str,
    records: Records | None = None,
    budget: Budget | None = None,
    adapter: Path | None = None,
    progress: Progress = SILENT,
) -> ChatModel:
    """Open a chat model.

    Args:
        name: Short name, path of a YAML file, or dotted path.
        records: Where calls are recorded and found again; None repeats every call.
        budget: Maximum number of calls and dollars to spend; needs records.
        adapter: Folder of a PEFT adapter, instead of the configuration's own; transformers and llamacpp models only.
        progress: Reports downloads and conversions.
    Raises:
        ConfigError: Unknown name, a backend that does not chat, or an adapter where none can be fitted.
        ModelError: The model cannot be fetched or started.
    """
    chat = cast(ChatModel, _user_model(name, ChatModel, adapter)) if is_dotted(name) else _chat(name, adapter, progress)
    _check_budget(records, budget)
    if records is None:
        return chat
    from models.calls.records import RecordedChat

    return RecordedChat(chat, records, budget)


def calls_in_parallel(name: str) -> int:
    """Number of calls that a chat model takes at once, by its configuration; 1 for a class of the user's own."""
    config = None if is_dotted(name) else load_model(name)
    return config.parallel if isinstance(config, LlamaCppModel | OpenAIModel | TransformersModel) else 1


def open_scorer(
    name: str,
    adapter: Path | None = None,
    records: Records | None = None,
    budget: Budget | None = None,
    progress: Progress = SILENT,
) -> ChoiceScorer:
    """Open a scorer of options; transformers models only. Arguments and errors are those of `open_chat`."""
    if is_dotted(name):
        scorer = cast(ChoiceScorer, _user_model(name, ChoiceScorer, adapter))
    else:
        scorer = _scorer(name, adapter, progress)
    _check_budget(records, budget)
    if records is None:
        return scorer
    from models.calls.records import RecordedScorer

    return RecordedScorer(scorer, records, budget)


def open_encoder(name: str, progress: Progress = SILENT) -> Encoder:
    """Open an encoder by short name, path of a YAML file, or dotted path.

    Raises:
        ConfigError: Unknown name, or another kind of model.
        ModelError: The weights cannot be fetched or loaded.
    """
    if is_dotted(name):
        return cast(Encoder, _user_model(name, Encoder, None))
    config = load_model(name, ("sentence-transformers",))
    if not isinstance(config, EncoderModel):
        raise _wrong_kind(name, config, "an encoder", "sentence-transformers")
    from models.local.encoder import SentenceEncoder
    from models.weights.resolve import resolve

    weights = resolve(config.weights, progress)
    return SentenceEncoder(name, config, weights, hops=hops_of(name, config), mean=mean_of(name, config))


def open_reranker(name: str, progress: Progress = SILENT) -> Reranker:
    """Open a reranker by path of a YAML file or dotted path. Errors are those of `open_encoder`."""
    if is_dotted(name):
        return cast(Reranker, _user_model(name, Reranker, None))
    config = load_model(name, ("cross-encoder",))
    if not isinstance(config, RerankerModel):
        raise _wrong_kind(name, config, "a reranker", "cross-encoder")
    from models.local.reranker import CrossEncoderReranker
    from models.weights.resolve import resolve

    return CrossEncoderReranker(name, config, resolve(config.weights, progress))


def _chat(name: str, adapter: Path | None, progress: Progress) -> ChatModel:
    config = load_model(name, CHAT_BACKENDS)
    adapter = adapter or adapter_of(name, config)
    # Each branch imports its own backend, so that a server's model needs no torch.
    if isinstance(config, TransformersModel):
        from models.local.chat import TransformersChat

        causal = _causal(name, config, adapter, progress)
        return TransformersChat(causal, config.price, config.parallel, config.trained_for)
    if isinstance(config, LlamaCppModel):
        from models.local.causal import adapter_digest
        from models.servers.llamacpp import LlamaCppChat
        from models.weights.resolve import resolve

        if adapter is not None:
            adapter_digest(adapter)  # a wrong folder is named before weights of a gigabyte are fetched
        return LlamaCppChat(config, resolve(config.weights, progress), adapter)
    if adapter is not None:
        raise _no_adapter(name, adapter, config.backend)
    if isinstance(config, OpenAIModel):
        from models.servers.openai_chat import OpenAIChat

        return OpenAIChat(config)
    raise _wrong_kind(name, config, "a chat model", "openai, llamacpp or transformers")


def _scorer(name: str, adapter: Path | None, progress: Progress) -> ChoiceScorer:
    config = load_model(name, ("transformers",))
    if not isinstance(config, TransformersModel):
        raise _wrong_kind(name, config, "a scorer of options", "transformers")
    from models.local.scorer import TransformersScorer

    return TransformersScorer(_causal(name, config, adapter or adapter_of(name, config), progress), config.price)


def _causal(name: str, config: TransformersModel, adapter: Path | None, progress: Progress) -> CausalModel:
    from models.local.causal import adapter_digest, open_causal

    adapter_key = "" if adapter is None else adapter_digest(adapter)
    key = (name, config.weights, config.dtype, config.device, adapter_key)
    # Two threads that open the same model must not load it twice, so the lock spans the loading.
    with _loading:
        causal = _loaded.get(key)
        if causal is None:
            causal = _loaded[key] = open_causal(name, config, adapter, progress)
    return causal


class _ModelFactory(Protocol):
    def __call__(self, **settings: Any) -> object: ...


def _user_model(path: str, protocol: type, adapter: Path | None) -> object:
    """The user's own model: the class is called without arguments, or with the adapter where there is one."""
    factory = cast(_ModelFactory, load_dotted(path))
    model = factory() if adapter is None else factory(adapter=adapter)
    if not isinstance(model, protocol):
        raise ConfigError(
            f"Expected {path} to be a {protocol.__name__} of models/protocols.py, but it lacks some of its methods. "
            "Add them."
        )
    return model


def _check_budget(records: Records | None, budget: Budget | None) -> None:
    if budget is not None and records is None:
        raise ConfigError("A budget needs records to count in. Give a Records too.")


def _no_adapter(name: str, adapter: Path, backend: str) -> ConfigError:
    return ConfigError(
        f"{name} runs on the {backend} backend, which cannot take the adapter {adapter}. "
        "Use a model of the transformers backend, such as qwen-1.5b-hf."
    )


def _wrong_kind(name: str, config: ModelConfig, wanted: str, backends: str) -> ConfigError:
    return ConfigError(
        f"{name} is not {wanted}: its backend is {config.backend}, expected {backends}. Name another model."
    )
