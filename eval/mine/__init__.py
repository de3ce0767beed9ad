"""Measures MINE: the share of an essay's facts that a graph of the essay keeps.

- `measure.py`: `measure_graphs`, what `graft eval mine` calls.
- `files.py`: reads essays, facts, and the graphs of other systems.
- `subgraph.py`: MINE's retrieval of the relations near a fact.
- `fact_features.py`: how near a graph comes to stating a fact, as numbers.
- `fact_judge.py`: decides from those numbers whether the fact is kept; `fact_judge.yaml` holds its coefficients.
- `fit_judge.py`: a program that fits those coefficients to published judgments.

It judges a graph as a list of relations in words, and knows no store, no extractor and no chat model.
"""

from eval.mine.fact_judge import FactJudge, shipped_judge
from eval.mine.files import Essay, read_essays, read_graphs
from eval.mine.measure import MineScore, measure_graphs

__all__ = ["Essay", "FactJudge", "MineScore", "measure_graphs", "read_essays", "read_graphs", "shipped_judge"]
