"""Language: words of every script, text, sentences, dates, spans, English verbs and relations.

Knows nothing of documents, of extraction and of the graph. Importing it loads no spaCy.

- `words` decides what a word is and when two spellings are one; `text` normalises texts and makes names into keys;
  `spans` finds names in a text.
- `sentences` splits texts and counts tokens; `spacy_pipeline` has the pinned parsers; `identify` names
  a text's language; `korean` takes particles off names.
- `dates` reads dates; `verbs` and `predicates` bring relations to one form.
"""

from kg.language.sentences import RuleSentences, SentenceSplitter, SpacySentences

__all__ = ["RuleSentences", "SentenceSplitter", "SpacySentences"]
