"""Measures extraction: an extractor's facts against gold triples, document by document.

- `measure.py`: `measure_extraction` and `overall_scores`, what `graft eval extraction` prints.
- `gold_triples.py`: reads documents with gold triples; `docred_relations.yaml` has Wikidata's properties in words.
- `detokenise.py`: turns the tokens of published data sets back into running text.
- `document_graph.py`: builds a graph over measured documents and splits its facts by document.
- `relation_match.py`: whether two wordings mean the same relation.
- `curve.py`: facts against tokens, from recorded replies.

Knows nothing of questions or arms. Which extractor is measured is a setting of the workspace.
"""

from eval.extraction.gold_triples import FORMS, GoldDocument, Relation, read_gold
from eval.extraction.measure import (
    MEASURES,
    ExtractionCounts,
    ExtractionScores,
    measure_extraction,
    overall_scores,
)
from eval.extraction.relation_match import RelationMatch

__all__ = [
    "FORMS",
    "MEASURES",
    "ExtractionCounts",
    "ExtractionScores",
    "GoldDocument",
    "Relation",
    "RelationMatch",
    "measure_extraction",
    "overall_scores",
    "read_gold",
]
