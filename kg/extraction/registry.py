"""Which extractor a name means: parsing, an imported file, or a chat model of that name."""

from __future__ import annotations

from pathlib import Path

from kg.config import IndexConfig
from kg.extraction.chat import TRAINED, ChatExtractor
from kg.extraction.protocol import Extractor
from kg.language.sentences import SentenceSplitter
from kg.language.spacy_pipeline import PIPELINE
from models.errors import ConfigError
from models.protocols import ChatModel
from models.weights.resolve import resolve

NO_EXTRACTOR = "none"
NLP = "nlp"
IMPORT = "import"
WITHOUT_CHAT = frozenset((NO_EXTRACTOR, NLP, IMPORT))
"""Extractors that are no chat model."""


def open_extractor(
    config: IndexConfig, chat: ChatModel | None, sentences: SentenceSplitter, facts: Path | None = None
) -> Extractor | None:
    """The extractor of a knowledge base, None for passages without a graph.

    Args:
        config: Its `extractor` names one.
        chat: The chat model of that name, where it is one.
        sentences: Splits passages.
        facts: The file to import, where that is the extractor.
    Raises:
        ConfigError: A chat model is named and none is given; or the file to import cannot be read.
        ModelError: The parser, which also tells the kinds of what a chat model names, cannot be fetched.
    """
    if config.extractor == NO_EXTRACTOR:
        return None
    if config.extractor == NLP:
        from kg.extraction.nlp import NlpExtractor

        return NlpExtractor(sentences)
    if config.extractor == IMPORT:
        from kg.extraction.imported import ImportedFacts

        if facts is None:
            raise ConfigError("the extractor 'import' reads facts from a file: name it with --facts FILE")
        return ImportedFacts(facts, sentences)
    if chat is None:
        raise ConfigError(
            f"the extractor {config.extractor!r} is a chat model, but none is open: open it, "
            f"or set extractor to one of {', '.join(sorted(WITHOUT_CHAT))} in a new workspace"
        )
    resolve(PIPELINE)  # before anything is spent
    asked = config.extract
    if getattr(chat, "trained_for", "") == "extraction":
        asked = asked.model_copy(update={"style": TRAINED.style, "domain": TRAINED.domain})
    return ChatExtractor(chat, sentences, asked)
