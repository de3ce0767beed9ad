"""The name of an extractor to the extractor: "none", the parser "nlp", the file of facts "import", or a chat model."""

from __future__ import annotations

from pathlib import Path

from kg.config import IndexConfig
from kg.extraction.chat import TRAINED_FORM, ChatExtractor
from kg.extraction.protocol import Extractor
from kg.language.sentences import SentenceSplitter
from kg.language.spacy_pipeline import PIPELINE
from models.config import CHAT_BACKENDS, known_models
from models.errors import ConfigError, unknown_name
from models.protocols import ChatModel
from models.runtime.dotted import is_dotted
from models.weights.resolve import resolve

NO_EXTRACTOR = "none"
NLP = "nlp"
IMPORT = "import"
WITHOUT_CHAT = frozenset((NO_EXTRACTOR, NLP, IMPORT))
"""Names of extractors that are no chat model."""


def check_extractor(name: str, facts: Path | None) -> None:
    """Refuse what cannot be extracted with, before a workspace is made or a model is opened.

    Args:
        name: The extractor's name.
        facts: The file of facts that was given, if one was.
    Raises:
        ConfigError: Nothing has that name; or a file of facts is given to an extractor that does not read one.
    """
    check_facts(name, facts)
    if name not in WITHOUT_CHAT and not is_dotted(name) and not name.endswith((".yaml", ".yml")):
        known = (*sorted(WITHOUT_CHAT), *known_models(CHAT_BACKENDS))
        if name not in known:
            raise ConfigError(
                unknown_name("extractor", name, known, "a chat model's .yaml file, or package.module:Class")
            )


def check_facts(name: str, facts: Path | None) -> None:
    """Refuse a file of facts that the extractor would not read; arguments and error are those of `check_extractor`."""
    if facts is not None and name != IMPORT:
        raise ConfigError(
            f"Only the extractor {IMPORT!r} reads a file of facts, but {facts} was given to the extractor {name!r}. "
            f"Leave out --facts, or index a new workspace with --extractor {IMPORT}."
        )


def open_extractor(
    config: IndexConfig, chat: ChatModel | None, sentences: SentenceSplitter, facts: Path | None = None
) -> Extractor | None:
    """The extractor of a knowledge base, None for passages without a graph.

    Args:
        config: Settings; `extractor` is the name.
        chat: The chat model of that name, where the name is a chat model's.
        sentences: Splits chunks into sentences.
        facts: The file to import, for the extractor "import".
    Raises:
        ConfigError: A chat model is named and none is given; or the file to import cannot be read.
        ModelError: The parser, which also finds the kinds of things that a chat model names, cannot be fetched.
    """
    check_facts(config.extractor, facts)
    if config.extractor == NO_EXTRACTOR:
        return None
    if config.extractor == NLP:
        from kg.extraction.nlp import NlpExtractor

        return NlpExtractor(sentences)
    if config.extractor == IMPORT:
        from kg.extraction.imported import ImportExtractor

        if facts is None:
            raise ConfigError("The extractor 'import' takes facts from a file. Name it with --facts FILE.")
        return ImportExtractor(facts, sentences)
    if chat is None:
        raise ConfigError(
            f"The extractor {config.extractor!r} is a chat model, but none is open. Open it, "
            f"or set extractor to one of {', '.join(sorted(WITHOUT_CHAT))} in a new workspace."
        )
    resolve(PIPELINE)  # before any call is paid for
    settings = config.extract
    if getattr(chat, "trained_for", "") == "extraction":
        settings = settings.model_copy(update={"style": TRAINED_FORM.style, "domain": TRAINED_FORM.domain})
    return ChatExtractor(chat, sentences, settings)
