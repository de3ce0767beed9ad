"""The settings of a knowledge base, which `graft.yaml` keeps beside the graph.

All settings but `search` change the content of the store; those that change only the speed of a build (workers,
retries) are not here. Two workspaces with the same configuration, corpus and models hold the same graph.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from models.errors import ConfigError
from models.files.encodings import codec_named
from models.files.settings import StrictSettings, check_settings, parse_mapping, read_yaml_text

Style = Literal["lines", "compact", "full", "chained"]
_NAME = "settings of a knowledge base"


class ResolveConfig(StrictSettings):
    """How alike two names must be to count as one thing.

    Attributes:
        similarity: Minimum cosine similarity between the embeddings of two near names, in (0, 1]; a rule on their
            words must hold as well (see `kg.resolution.resolve`). With 1, only equal vectors merge.
        judge: Name of a chat model that decides on the pairs that rules and embeddings leave open; with None, they are
            not merged.
    """

    similarity: float = Field(default=0.85, gt=0, le=1)
    judge: str | None = Field(default=None, min_length=1)


class ExtractConfig(StrictSettings):
    """How a chat model extracts facts.

    Attributes:
        style: Form of the model's reply: "lines" leaves the kinds of things to the parser, "compact" has fewer facts,
            "full" has the kinds too, and "chained" names each subject once, which small models cannot write untrained
            (see `kg.extraction.proposals`).
        density: Maximum number of lines per hundred tokens of text, which bounds the tokens written; None for the
            style's own.
        domain: Set of worked examples in the prompt, a name in `kg.extraction.examples.DOMAINS`.
        entity_types: Types of entities to choose from in the full style, besides "thing"; None for those of
            `kg.extraction.proposals.TYPES`.
        relations: The only relations that are allowed; None for those that the text uses.
        gleaning: Second extraction of what the first left out: by the parser ("nlp"; not if `relations` is set, since
            it knows only the text's own words), by another call of the model ("ask"), or not at all ("none").
    """

    style: Style = "lines"
    density: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    domain: str = Field(default="general", min_length=1)
    entity_types: tuple[str, ...] | None = Field(default=None, min_length=1)
    relations: tuple[str, ...] | None = Field(default=None, min_length=1)
    gleaning: Literal["none", "ask", "nlp"] = "nlp"

    @model_validator(mode="after")
    def _kinds_have_a_place(self) -> ExtractConfig:
        if self.entity_types is not None and self.style != "full":
            raise ValueError(
                f"Only the style full has kinds of ends, and style is {self.style}. Set it to full, or leave out "
                "entity_types."
            )
        return self


class CommunityConfig(StrictSettings):
    """Settings of hierarchical Leiden.

    Attributes:
        resolution: Resolution of the modularity; above 1 gives more and smaller communities.
        max_size: Maximum number of members; a larger community is divided again on the next level.
        seed: Seed of the algorithm.
        steady: Whether level 0 is the division of `kg.communities.steady`, which changes little when a few documents
            are edited; False takes Leiden's own division, whose modularity is higher but which changes throughout after
            such an edit.
    """

    resolution: float = Field(default=1.0, gt=0)
    max_size: int = Field(default=10, ge=2)
    seed: int = Field(default=0, ge=0)
    steady: bool = True


class IndexConfig(StrictSettings):
    """Settings of one knowledge base.

    Attributes:
        schema_version: Version of the format of these settings.
        chunk_tokens: Maximum number of tokens of a chunk.
        overlap_sentences: Number of sentences that a chunk repeats from the one before.
        extract_tokens: Maximum number of tokens of neighbouring chunks that go into one call, so that small chunks need
            no more calls than large ones; with None, each chunk has its own call. A fact must still be stated within
            one chunk.
        extractor: Source of facts: the name of a chat model; "nlp", a parser that costs no tokens; "import", a file of
            facts that is given with the sources (see `kg.extraction.imported`); or "none" for passages without a graph.
        extract: How a chat model extracts facts.
        encoder: Name of the embedding model.
        store: Short name of the store, or a dotted path "package.module:Class".
        search: Where candidates for a question are found: in the "arrays" beside the store, exactly, or by the indexes
            of the "store" itself (neo4j only).
        resolve: How alike two names must be to count as one thing.
        communities: How the graph is divided into communities.
        max_document_characters: Maximum length of a document; a longer one is skipped, with a reason. None for no
            limit.
        encoding: Encoding of the files of text, such as "cp1250"; "" to detect that of each file.
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
    encoding: str = ""

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, name: str) -> str:
        """The encoding by its one name, so that two spellings of it are no difference."""
        try:
            return codec_named(name) if name else ""
        except ConfigError as error:
            raise ValueError(str(error)) from error

    @classmethod
    def from_yaml(cls, text: str, origin: str = "configuration") -> IndexConfig:
        """Settings from a YAML text; those left out take their defaults.

        Args:
            text: YAML, a mapping.
            origin: Where the text comes from, for messages.
        Raises:
            ConfigError: Not YAML, an unknown setting, or a value out of range.
        """
        return check_settings(parse_mapping(text, origin, _NAME), cls, origin, _NAME)

    @classmethod
    def read(cls, path: Path) -> IndexConfig:
        """Settings from a YAML file; those left out take their defaults.

        Raises:
            ConfigError: The file cannot be read, is not YAML, or a setting is unknown or out of range.
        """
        return cls.from_yaml(read_yaml_text(path, _NAME), origin=str(path))

    def to_yaml(self) -> str:
        """The settings as YAML, with every default written out.

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
        differing = [name for name in mine if mine[name] != theirs[name]]
        return [f"{name}: {_shown(mine[name])}, not {_shown(theirs[name])}" for name in differing]


def _shown(value: Any) -> str:
    return '""' if value == "" else str(value)


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
