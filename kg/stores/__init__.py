"""Where rows live: the protocol of a store, its journal, and the stores that implement it.

A store keeps rows of `kg.schema` and knows nothing of models, retrieval or questions.

    protocol.py      what every store does
    capabilities.py  what some stores can do besides: run queries, search by indexes
    registry.py      the stores by name
    journal.py       the items of one stage in one build
    digest.py        the same digest for the same rows, whatever store holds them
    rows.py          the form of rows in SQL tables
    transfer.py      one store copied into another
    sqlite/, neo4j/  the stores
"""

from kg.stores.capabilities import QueryableStore, SearchingStore
from kg.stores.protocol import ErasingStore, GraphStore, JournalEntry
from kg.stores.registry import STORES, open_store

__all__ = ["STORES", "ErasingStore", "GraphStore", "JournalEntry", "QueryableStore", "SearchingStore", "open_store"]
