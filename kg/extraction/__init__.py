"""Extraction: chunks to names and facts, by a chat model, a parser or an imported file.

Knows no store, no resolution of names and no build; an extractor gets chunks and returns names and facts with spans.

- `protocol` holds `Extractor`, its input and its outcome; `registry` opens an extractor by name.
- `chat` calls a chat model: `examples` completes its prompt, `proposals` parses its lines, `verify` checks them.
- `nlp` parses: `clauses` finds statements in a sentence, `links` joins names that no clause joins;
  `parsed_languages` chooses how a text is read, `universal` reads French.
- `imported` takes facts from a file.
- `claims` and `validity` decide from the words of a sentence who states a fact and when it holds.
- `learn_schema` counts kinds and relations in a sample.
"""

from kg.extraction.protocol import ExtractionInput, ExtractionOutcome, Extractor, extraction_inputs
from kg.extraction.registry import IMPORT, NLP, NO_EXTRACTOR, WITHOUT_CHAT, open_extractor

__all__ = [
    "IMPORT",
    "NLP",
    "NO_EXTRACTOR",
    "WITHOUT_CHAT",
    "ExtractionInput",
    "ExtractionOutcome",
    "Extractor",
    "extraction_inputs",
    "open_extractor",
]
