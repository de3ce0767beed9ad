"""Measures entity resolution: labelled pairs of records of two tables, matched and scored.

- `measure.py`: `measure_resolution`, what `graft eval resolution` calls.
- `record_pairs.py`: reads labelled pairs in ditto's text form.
- `blocking.py`: which pairs are worth comparing.
- `similarity.py`: how alike two records are, as numbers.

Knows nothing of graphs, stores or questions, and assumes no names of columns. Scikit-learn is imported only inside
functions.
"""

from eval.resolution.measure import ResolutionResult, measure_resolution
from eval.resolution.record_pairs import LabelledPair, read_folder

__all__ = ["LabelledPair", "ResolutionResult", "measure_resolution", "read_folder"]
