"""The retrievers by name, and how to add one of your own.

    retriever = open_retriever("graph", index, encoder, {"damping": 0.6})
    retriever = open_retriever("my_package.my_module:MyRetriever", index, encoder, {})

A retriever is a class that follows `retrieval.types.Retriever`, with a pydantic model named `Settings`, built from an
index and these settings. If it takes three arguments, the third opens chat models by name (`models.calls.chats.Chats`),
whose calls are recorded and limited like all others. Its file has the retriever's name; only `global`, a keyword of
Python, is in `global_search.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel

from models.calls.chats import Chats
from models.errors import ConfigError, unknown_name
from models.files.settings import check_settings
from models.protocols import Encoder
from models.runtime.dotted import is_dotted, load_dotted
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.bm25 import Bm25Retriever
from retrieval.retrievers.coe import CoeRetriever
from retrieval.retrievers.cypher import CypherRetriever
from retrieval.retrievers.dense import DenseRetriever
from retrieval.retrievers.drift import DriftRetriever
from retrieval.retrievers.flow import FlowRetriever
from retrieval.retrievers.global_search import GlobalRetriever
from retrieval.retrievers.graph import GraphRetriever
from retrieval.retrievers.local import LocalRetriever
from retrieval.retrievers.paths import PathsRetriever
from retrieval.retrievers.ppr import PprRetriever
from retrieval.retrievers.rag import RagRetriever
from retrieval.retrievers.rerank import RerankRetriever
from retrieval.retrievers.tree import TreeRetriever
from retrieval.types import PlannedCalls, Retriever

RETRIEVERS: dict[str, type[Any] | str] = {
    "bm25": Bm25Retriever,
    "dense": DenseRetriever,
    "rag": RagRetriever,
    "rerank": RerankRetriever,
    "graph": GraphRetriever,
    "ppr": PprRetriever,
    "cypher": CypherRetriever,
    "paths": PathsRetriever,
    "coe": CoeRetriever,
    "flow": FlowRetriever,
    "local": LocalRetriever,
    "global": GlobalRetriever,
    "drift": DriftRetriever,
    "tree": TreeRetriever,
    "auto": "retrieval.retrievers.auto:AutoRetriever",  # imported late, since it opens others by this table
}
"""Classes by the names that the command line and experiments use."""


def open_retriever(
    name: str, index: GraphIndex, encoder: Encoder, settings: Mapping[str, Any], chats: Chats | None = None
) -> Retriever:
    """Build a retriever.

    Args:
        name: A key of `RETRIEVERS`, or the dotted path of a class, `package.module:Class`.
        index: Index to search.
        encoder: Encoder of the index; vectors of another encoder cannot be compared with the index's.
        settings: Settings of the retriever, as a mapping from YAML or the command line.
        chats: Opens chat models, for a retriever that calls any; must stay open as long as the retriever is used.
    Raises:
        ConfigError: The name is unknown, the settings are wrong, or the encoder is another one.
    """
    if encoder.digest != index.encoder.digest:
        raise ConfigError(
            f"The index holds vectors of {index.encoder.name} ({index.encoder.digest[:8]}), but the retriever got "
            f"{encoder.name} ({encoder.digest[:8]}). Open the index with the encoder you search with."
        )
    retriever, checked = _class_and_settings(name, settings)
    # Index and settings, or index, settings and chats: by the signature, so that a plug-in need not declare which.
    if len(inspect.signature(retriever).parameters) < 3:
        return cast(Retriever, retriever(index, checked))
    if chats is None:
        raise ConfigError(f"The retriever {name} calls a chat model. Give open_retriever the chats that open it.")
    return cast(Retriever, retriever(index, checked, chats))


def planned_calls(name: str, settings: Mapping[str, Any]) -> PlannedCalls | None:
    """Upper bound of a question's calls; None for a retriever that calls no chat model.

    Raises:
        ConfigError: The name is unknown, or the settings are wrong.
    """
    retriever, checked = _class_and_settings(name, settings)
    return cast(PlannedCalls, retriever.planned_calls(checked)) if hasattr(retriever, "planned_calls") else None


def with_model(name: str, model: str) -> dict[str, Any]:
    """The settings that make a retriever call this chat model; none for a retriever without a setting `model`."""
    return {"model": model} if "model" in _class(name).Settings.model_fields else {}


def _class_and_settings(name: str, settings: Mapping[str, Any]) -> tuple[type[Any], BaseModel]:
    retriever = _class(name)
    fields = retriever.Settings.model_fields.items()
    if missing := [field for field, about in fields if about.is_required() and field not in settings]:
        raise ConfigError(
            f"The retriever {name} has no default for {' and '.join(missing)}, so it works only where settings can be "
            f"given: in an experiment's YAML file, as retriever: {name}, settings: {{{missing[0]}: ...}}. Choose "
            "another retriever, or run an experiment."
        )
    return retriever, check_settings(dict(settings), retriever.Settings, f"Retriever {name}", "settings")


def _class(name: str) -> type[Any]:
    entry = RETRIEVERS.get(name, name)
    if isinstance(entry, type):
        return entry
    if not is_dotted(entry):
        raise ConfigError(unknown_name("retriever", name, RETRIEVERS, 'a path "package.module:Class"'))
    retriever = load_dotted(entry)
    settings = getattr(retriever, "Settings", None)
    if not inspect.isclass(retriever) or not (inspect.isclass(settings) and issubclass(settings, BaseModel)):
        raise ConfigError(
            f'"{name}" is not a retriever. Expected the path of a class with a pydantic model named Settings.'
        )
    return retriever
