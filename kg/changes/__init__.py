"""Changes to an existing knowledge base; each leaves it as a new build from the same sources would.

    update.py  new and changed documents
    delete.py  removed documents
    curate.py  rulings on names: merge, split, undo

What a deletion leaves on disk is removed by `kg.erasure`. `update` and `delete` share the names of their modules;
import them from there.
"""

from kg.changes.curate import history, merge, split, split_source, undo
from kg.changes.delete import named
from kg.changes.update import ChangeSummary, UpdateRequest

__all__ = [
    "ChangeSummary",
    "UpdateRequest",
    "history",
    "merge",
    "named",
    "split",
    "split_source",
    "undo",
]
