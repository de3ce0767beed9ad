"""Ways through an index: which passages, entities, relations and communities a question leads to.

Each of them serves several retrievers. They know an index and a question, but not how evidence is packed.

- `fused_search.py`: plain RAG, which others start from or fill up with.
- `seeds.py`: the entities that a question points at.
- `walker.py`: the random walk from seeds, exact or pushed.
- `chains.py`: chains of passages, by an encoder that is trained for hops.
- `steps.py`: the graph as steps along relations; `planner.py`: which relations a question describes.
- `communities.py`: the communities near a question, and their reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from retrieval.traversal.chains import HopSettings
    from retrieval.traversal.communities import ReportSettings
    from retrieval.traversal.fused_search import RagSettings
    from retrieval.traversal.planner import ExampleRetriever, ExampleSettings
    from retrieval.traversal.seeds import SeedSettings

__all__ = ["ExampleRetriever", "ExampleSettings", "HopSettings", "RagSettings", "ReportSettings", "SeedSettings"]

__getattr__ = lazy_exports(
    __name__,
    {
        "chains": ["HopSettings"],
        "communities": ["ReportSettings"],
        "fused_search": ["RagSettings"],
        "planner": ["ExampleRetriever", "ExampleSettings"],
        "seeds": ["SeedSettings"],
    },
)
