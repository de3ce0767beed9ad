"""Reads questions into `Item`s, and finds the evidence of their answers in a knowledge base.

- `registry.py`: `load_task` and the table of formats, `TASKS`; also our own format, `jsonl`.
- `mmlu.py`, `realtimeqa.py`: formats of published data sets, named as `task.format` names them.
- `gold.py`: from the quotes of an item to the chunks that contain them.

Knows nothing of retrievers, arms or readers. A format of your own is a function from a path to items.
"""

from eval.tasks.gold import GoldChunks, GoldFinder
from eval.tasks.registry import TASKS, Loader, Selection, load_task

__all__ = ["TASKS", "GoldChunks", "GoldFinder", "Loader", "Selection", "load_task"]
