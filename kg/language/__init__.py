"""Language: text, sentences, dates, spans, English verbs and relations.

Knows nothing of documents, of extraction and of the graph. Importing it loads no spaCy.

- `text` decodes and normalises texts, and makes names into keys; `spans` finds names in a text.
- `sentences` splits texts and counts tokens; `spacy_pipeline` is the pinned parser.
- `dates` reads dates; `verbs` and `predicates` bring relations to one form.
"""

from kg.language.sentences import RuleSentences, SentenceSplitter, SpacySentences

__all__ = ["RuleSentences", "SentenceSplitter", "SpacySentences"]
