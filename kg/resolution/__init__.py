"""From names to entities, and from wordings to facts. `resolve.py` states the order in which names are merged.

Pure functions of extractions and rulings: no store, no session and no model is opened here.

    uses.py        how each document uses each name, and as what kind of thing
    parts.py       "Lorne" for "Ada Lorne", within one document
    contexts.py    what the facts say of a name
    senses.py      two people of one full name
    names.py       when two spellings may be one name, by their words alone
    candidates.py  which pairs of names are compared at all
    match.py       evidence for and against merging a pair
    judge.py       a chat model decides the pairs that are left open
    groups.py      the merged names, subject to people's rulings
    resolve.py     the order of all that, and the entities and facts that result

The entry point is `kg.resolution.resolve.resolve`, which shares the name of its module; import it from there.
"""

from kg.resolution.judge import Judge
from kg.resolution.resolve import Resolution

__all__ = ["Judge", "Resolution"]
