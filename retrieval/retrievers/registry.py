"""The retrievers by name, and how one of your own joins them.

    retriever = open_retriever("graph", index, encoder, {"damping": 0.6})
    retriever = open_retriever("my_package.my_module:MyRetriever", index, encoder, {})

A retriever is a class as `retrieval.types.Retriever` with a `Settings` model (pydantic) that is built from an index and
those settings; if it takes three arguments, the third opens chat models by name (`models.calls.chats.Chats`), recorded
and paid for as all are.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from models.calls.chats import Chats
from models.errors import ConfigError, describe
from models.protocols import Encoder
from models.runtime.dotted import is_dotted, load_dotted
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.bm25 import Bm25Retriever
from retrieval.retrievers.coe import ExploreRetriever
from retrieval.retrievers.cypher import CypherRetriever
from retrieval.retrievers.dense import DenseRetriever
from retrieval.retrievers.drift import DriftRetriever
from retrieval.retrievers.flow import FlowRetriever
from retrieval.retrievers.global_search import GlobalRetriever
from retrieval.retrievers.graph import GraphRetriever
from retrieval.retrievers.local import LocalRetriever
from retrieval.retrievers.paths import PathRetriever
from retrieval.retrievers.ppr import PprRetriever
from retrieval.retrievers.rag import HybridRetriever
from retrieval.retrievers.rerank import RerankRetriever
from retrieval.retrievers.tree import TreeRetriever
from retrieval.types import PlannedCalls, Retriever

RETRIEVERS: dict[str, type[Any] | str] = {
    "bm25": Bm25Retriever,
    "dense": DenseRetriever,
    "rag": HybridRetriever,
    "rerank": RerankRetriever,
    "graph": GraphRetriever,
    "ppr": PprRetriever,
    "cypher": CypherRetriever,
    "paths": PathRetriever,
    "coe": ExploreRetriever,
    "flow": FlowRetriever,
    "local": LocalRetriever,
    "global": GlobalRetriever,
    "drift": DriftRetriever,
    "tree": TreeRetriever,
    "auto": "retrieval.retrievers.auto:AutoRetriever",  # imported late: it opens others by this table
}


def open_retriever(
    name: str, index: GraphIndex, encoder: Encoder, settings: Mapping[str, Any], chats: Chats | None = None
) -> Retriever:
    """Build a retriever.

    Args:
        name: A key of `RETRIEVERS`, or the dotted path of a class, `package.module:Class`.
        index: What it searches.
        encoder: The index's own; another one's vectors could not be compared with the index's.
        settings: The retriever's own settings, as a mapping from YAML or the command line.
        chats: Opens chat models, for a retriever that asks any; open as long as the retriever is used.
    Raises:
        ConfigError: The name is unknown, the settings are wrong, or the encoder is another one.
    """
    if encoder.digest != index.encoder.digest:
        raise ConfigError(
            f"The index holds vectors of {index.encoder.name} ({index.encoder.digest[:8]}), but the retriever got "
            f"{encoder.name} ({encoder.digest[:8]}). Open the index with the encoder you search with."
        )
    found, values = _find(name, settings)
    if len(inspect.signature(found).parameters) < 3:
        return cast(Retriever, found(index, values))
    if chats is None:
        raise ConfigError(f"The retriever {name} asks a chat model: give open_retriever what opens one.")
    return cast(Retriever, found(index, values, chats))


def planned_calls(name: str, settings: Mapping[str, Any]) -> PlannedCalls | None:
    """What a question costs with a retriever that asks a chat model; None for one that asks none. Raises as above."""
    found, values = _find(name, settings)
    return cast(PlannedCalls, found.asks(values)) if hasattr(found, "asks") else None


def with_model(name: str, model: str) -> dict[str, Any]:
    """The settings by which a retriever asks this chat model; none for a retriever that asks no model."""
    return {"model": model} if "model" in _class(name).Settings.model_fields else {}


def _find(name: str, settings: Mapping[str, Any]) -> tuple[type[Any], BaseModel]:
    found = _class(name)
    return found, _settings(name, found, settings)


def _class(name: str) -> type[Any]:
    known = RETRIEVERS.get(name, name)
    if isinstance(known, type):
        return known
    if not is_dotted(known):
        raise ConfigError(
            f'Unknown retriever "{name}"; expected one of {", ".join(RETRIEVERS)}, or a path "package.module:Class".'
        )
    found = load_dotted(known)
    settings = getattr(found, "Settings", None)
    if not inspect.isclass(found) or not (inspect.isclass(settings) and issubclass(settings, BaseModel)):
        raise ConfigError(f'"{name}" is not a retriever: expected a class with a pydantic model named Settings.')
    return found


def _settings(name: str, found: type[Any], settings: Mapping[str, Any]) -> BaseModel:
    try:
        return cast(BaseModel, found.Settings.model_validate(dict(settings)))
    except ValidationError as error:
        known = ", ".join(found.Settings.model_fields) or "none"
        problems = describe(error, "settings")
        raise ConfigError(f'Wrong settings for the retriever "{name}": {problems}. Its settings: {known}.') from error
