"""Passages, entities and facts as text: the same wherever they are embedded, searched or shown.

It knows strings and dates, but no index, no score and no model.

- `terms.py`: text to terms; words are compared in no other way.
- `names.py`: names in a question or a text. `sentences.py`: sentences, for cutting and quoting.
- `texts.py`: the text of a passage, an entity and a fact.
- `freshness.py`: which facts hold on the date that a question asks about.
"""
