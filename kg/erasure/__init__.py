"""What deleted documents leave behind, and how it is removed. Deleting their rows is the work of `kg.changes.delete`.

traces.py    finds texts and names in the files and records that quote them
residual.py  what is remembered of documents that are deleted
erase.py     finds and erases residual data
"""

from kg.erasure.erase import ResidualData, erase_residual_data, find_residual_data, forget
from kg.erasure.residual import remember
from kg.erasure.traces import TextTraces

__all__ = ["ResidualData", "TextTraces", "erase_residual_data", "find_residual_data", "forget", "remember"]
