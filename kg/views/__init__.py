"""Views of a knowledge base for people: dossiers, descriptions, exports. Nothing here changes the graph.

dossier.py   everything a store knows of an entity
describe.py  an entity in one or two sentences, by a chat model
evidence.py  the sentence and the source behind a span
export.py    GraphML, JSON Lines, Cypher, CSV
"""

from kg.views.dossier import Dossier, named, search
from kg.views.evidence import EvidenceLocator
from kg.views.export import EXPORTS

__all__ = ["EXPORTS", "Dossier", "EvidenceLocator", "named", "search"]
