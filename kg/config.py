"""What builds a knowledge base: the settings that `graft.yaml` keeps beside the graph.

Everything here but `search` changes the content of the store; how fast it is built (workers, retries) does not
belong here. Two workspaces with the same configuration, corpus and models hold the same graph.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import ConfigError, describe

Style = Literal["lines", "compact", "full", "chained"]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ResolveConfig(_Settings):
    """How alike two names must be to be taken for one thing.

    Attributes:
        similarity: Least cosine between the embeddings of two near names, in (0, 1]; a rule on their
            words must hold as well (see `kg.resolution.resolve`). Above 1 is not allowed; 1 merges equal vectors only.
        judge: Name of a chat model that decides where rules and embeddings leave it open; None merges nothing there.
    """

    similarity: float = Field(default=0.85, gt=0, le=1)
    judge: str | None = Field(default=None, min_length=1)


class ExtractConfig(_Settings):
    """How a chat model is asked for facts.

    Attributes:
        style: "lines" leaves the kinds of things to the parser, "compact" asks for fewer facts, "full" for the kinds
            too, and "chained" names each subject once, which small models can't untrained (see
            `kg.extraction.proposals`).
        density: Most lines a hundred tokens of a passage: what bounds the tokens written; None for the style's own.
        domain: Which worked examples it is shown, a name of `kg.extraction.examples.DOMAINS`.
        entity_types: Kinds of ends to choose from, beside "thing", in the full style; None for those of
            `kg.extraction.proposals.TYPES`.
        relations: The only relations allowed; None for the passage's own words.
        gleaning: Who reads for what the answer left out: "nlp" the parser (not where relations are given, since it
            knows the text's words only), "ask" the model once more, or "none".
    """

    style: Style = "lines"
    density: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    domain: str = Field(default="general", min_length=1)
    entity_types: tuple[str, ...] | None = Field(default=None, min_length=1)
    relations: tuple[str, ...] | None = Field(default=None, min_length=1)
    gleaning: Literal["none", "ask", "nlp"] = "nlp"

    @model_validator(mode="after")
    def _kinds_are_asked_for(self) -> ExtractConfig:
        if self.entity_types is not None and self.style != "full":
            raise ValueError(f"entity_types are asked for in the full style only: set style to full, not {self.style}")
        return self


class CommunityConfig(_Settings):
    """Hierarchical Leiden.

    Attributes:
        resolution: Above 1 gives more and smaller communities. max_size: A community with more members than this is
        divided again on the next level. seed: Seed of the algorithm. steady: Whether level 0 is the division of
        `kg.communities.steady`, which an edit of a few documents hardly changes;
            False takes Leiden's own, whose modularity is higher and which such an edit changes throughout.
    """

    resolution: float = Field(default=1.0, gt=0)
    max_size: int = Field(default=10, ge=2)
    seed: int = Field(default=0, ge=0)
    steady: bool = True


class IndexConfig(_Settings):
    """Settings of one knowledge base.

    Attributes:
        chunk_tokens: Most tokens of a passage.
        overlap_sentences: Sentences that a passage repeats from the one before.
        extract_tokens: Neighbouring passages of up to so many tokens are read in one call, so that small passages
            need no more calls than large ones; None reads each alone. A fact still has to stand in one of them.
        extractor: What reads facts: the name of a chat model; "nlp", a parser that costs no tokens; "import", a file of
            facts that is given beside the sources (see `kg.extraction.imported`); or "none" for passages without a
            graph.
        extract: How a chat model is asked for them.
        encoder: Name of the embedding model.
        store: Short name of the store, or a dotted path "package.module:Class".
        search: Where candidates for a question are found: in the "arrays" beside the store, exactly, or by the indexes
            of the "store" itself (neo4j only).
        resolve: When two names are one thing.
        communities: How the graph is divided.
        max_document_characters: A longer document is skipped, with a reason; None for no limit.
    """

    schema_version: Literal[1] = 1
    chunk_tokens: int = Field(default=160, ge=16)
    overlap_sentences: int = Field(default=0, ge=0)
    extract_tokens: int | None = Field(default=None, ge=16)
    extractor: str = Field(default="qwen-1.5b", min_length=1)
    extract: ExtractConfig = ExtractConfig()
    encoder: str = Field(default="minilm", min_length=1)
    store: str = Field(default="sqlite", min_length=1)
    search: Literal["arrays", "store"] = "arrays"
    resolve: ResolveConfig = ResolveConfig()
    communities: CommunityConfig = CommunityConfig()
    max_document_characters: int | None = Field(default=None, ge=1)

    @classmethod
    def from_yaml(cls, text: str, origin: str = "configuration") -> IndexConfig:
        """Read a configuration; settings left out take their defaults.

        Args:
            text: YAML, a mapping.
            origin: Where the text comes from, for the message of an error.
        Raises:
            ConfigError: Not YAML, an unknown setting, or a value out of range.
        """
        try:
            value: Any = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"{origin} is not YAML: {error}") from error
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise ConfigError(f"{origin} must be a mapping of settings, it is a {type(value).__name__}")
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise ConfigError(f"{origin}: {describe(error)}") from error

    @classmethod
    def read(cls, path: Path) -> IndexConfig:
        """Read a configuration file."""
        try:
            return cls.from_yaml(path.read_text(encoding="utf-8"), origin=str(path))
        except OSError as error:
            raise ConfigError(f"cannot read the configuration {path}: {error.strerror or error}") from error

    def to_yaml(self) -> str:
        """Write the configuration, every setting spelled out.

        Example:
            >>> IndexConfig.from_yaml(IndexConfig(chunk_tokens=99).to_yaml()).chunk_tokens
            99
        """
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)

    def differences(self, other: IndexConfig) -> list[str]:
        """Settings whose values differ, as "name: mine, not theirs".

        Example:
            >>> IndexConfig().differences(IndexConfig(chunk_tokens=99))
            ['chunk_tokens: 160, not 99']
        """
        mine, theirs = flatten(self.model_dump(mode="json")), flatten(other.model_dump(mode="json"))
        return [f"{name}: {mine[name]}, not {theirs[name]}" for name in mine if mine[name] != theirs[name]]


def flatten(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one mapping with dotted names.

    Example:
        >>> flatten({"a": {"b": 1}, "c": 2})
        {'a.b': 1, 'c': 2}
    """
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
