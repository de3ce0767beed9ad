"""Run folders: records, rankings and results on disk, and the table computed from them.

- `folder.py`: the files of one run, and how a run is found again.
- `records.py`: our own JSON lines, appended and synced one by one.
- `trec.py`: rankings and judgements in TREC's formats, and the retrieval metrics.
- `summary.py`: from samples to the table of arms and the comparisons.
- `results.py`: a finished run as values and as JSON; lists runs, compares two.

It computes from records only, and opens no model, store or index.
"""

from eval.runs.folder import RunFolder, find_runs
from eval.runs.results import RunResult, compare_runs, list_runs, load_run

__all__ = ["RunFolder", "RunResult", "compare_runs", "find_runs", "list_runs", "load_run"]
