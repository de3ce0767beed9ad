"""From entities to communities: which entities belong together, and how communities are named and listed.

Detection knows entities, facts and settings alone; nothing here calls a model or writes a report.

    detect.py   hierarchical communities of a graph
    steady.py   the coarsest division, such that editing a few documents moves few entities
    basins.py   a division around strong nodes that changes less with an edit than Leiden's
    handles.py  names that communities keep while they change
    graph.py    the communities of a store with their facts and children
    listing.py  communities as people list them

The entry point is `kg.communities.detect.detect`, which shares the name of its module; import it from there.
"""

from kg.communities.graph import CommunityGraph
from kg.communities.handles import assign_handles

__all__ = ["CommunityGraph", "assign_handles"]
