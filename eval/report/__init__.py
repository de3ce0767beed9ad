"""The HTML report of a finished run, made only from the files in its folder.

- `page.py`: `write_report`; `report.html.j2`, `report_items.html.j2`, `report.css` and `report.js` are its template,
  style and script.
- `finished_run.py`: the content of a run folder; `items.py`, `highlight.py`: its items and the gold quotes in contexts.
- `verdict.py`: the finding in words.
- `plots.py`, `kinds_plot.py`: the four plots; `svg.py`, `labels.py`, `palette.py`, `numerals.py`: how they are drawn.
- `worked.py`: a few worked examples for the terminal.

Computes no metric: every number is read from `metrics.json`. Loads matplotlib and jinja2 only when a page is written.
"""

from eval.report.finished_run import FinishedRun, read_finished_run
from eval.report.page import write_report
from eval.report.verdict import RunVerdict, verdict

__all__ = ["FinishedRun", "RunVerdict", "read_finished_run", "verdict", "write_report"]
