"""A query that must see one workspace only: every node of its patterns is bound to that workspace.

Several knowledge bases share a database, and no relationship leads from one to another. So a query that names no node
without `workspace: $workspace` cannot leave its own. The condition is written into each node pattern; a query in which
it is not plain what is one is refused. Whoever writes the query, such as a model, need not know of workspaces.

    scope("MATCH (a:Entity)-[f:FACT]->(b) RETURN b.name")
    # MATCH (a:Entity {workspace: $workspace})-[f:FACT]->(b {workspace: $workspace}) RETURN b.name
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kg.stores.neo4j.guard import CLOSING, FUNCTIONS, OPENING, Token, reading, tokens_of
from models.errors import InputError

_FILTER = ["workspace", ":", "$workspace"]
_PATHS = ("shortestpath", "allshortestpaths")
_HOLDERS = ("exists", "count", "collect")
"""Words whose braces hold a pattern or a query."""
_CLAUSES = frozenset(["match", "where", "return", "with", "unwind", "order", "skip", "limit", "union"])
"""Where a list of patterns begins or ends."""
_PLAIN = 'write patterns as MATCH (a:Label {name: "…"})-[f:TYPE]->(b) with single nodes and relationships'


@dataclass(frozen=True, slots=True)
class _Node:
    """A node pattern: places of its brackets among the tokens, and what is to be written at an offset of the text."""

    start: int
    end: int
    offset: int
    text: str


def scope(query: str) -> str:
    """The query with every node pattern bound to `$workspace`.

    Args:
        query: Cypher that reads; a semicolon at its end is dropped.
    Raises:
        InputError: The query does more than read, or could look outside its workspace.
    """
    query = reading(query)
    tokens = tokens_of(query)
    words = [_word(token) for token in tokens]
    for place, word in enumerate(words):
        behind = words[place + 1] if place + 1 < len(words) else ""
        if word == "call":
            raise InputError("CALL looks at all workspaces: expected MATCH")
        if word in _CLAUSES and behind == "=":
            raise InputError(f"the path is called {tokens[place].text}, as a clause is: give it another name")
        if word == "workspace" and words[place - 1] != "." and not _is_filter(tokens[place : place + 4]):
            raise InputError("the query names a workspace: leave that out, the right one is added")
    for node in reversed(_nodes(tokens, words)):
        query = query[: node.offset] + node.text + query[node.offset :]
    return query


def _word(token: Token) -> str:
    """What decides about a token's place: words in lower case, marks; a text or number is none of either."""
    return token.text.lower() if token.kind == "word" else token.text if token.kind in ("mark", "parameter") else "…"


def _is_filter(tokens: Sequence[Token]) -> bool:
    """Whether tokens are the condition, and nothing more of its value behind it."""
    texts = [token.text for token in tokens]
    return texts[:3] == _FILTER and texts[3:] in ([","], ["}"])


def _nodes(tokens: Sequence[Token], words: Sequence[str]) -> list[_Node]:
    """All node patterns, in their order."""
    firsts, relations = list(_firsts(words)), list(_relations(words))
    begins, ends = {begin for begin, _ in relations}, {end for _, end in relations}
    found = []
    for place, word in enumerate(words):
        is_call = place > 0 and words[place - 1] in FUNCTIONS
        node = None if word != "(" or is_call else _node(tokens, words, place)
        if node and (place in firsts or node.end + 1 in begins or place - 1 in ends):
            found.append(node)
    starts, closes = {node.start for node in found}, {node.end for node in found}
    if not (
        starts >= set(firsts) and starts >= {end + 1 for end in ends} and closes >= {begin - 1 for begin in begins}
    ):
        raise InputError(f"the query's patterns can't be told from the rest of it: {_PLAIN}")
    return found


def _firsts(words: Sequence[str]) -> Iterator[int]:
    """Where a path of a pattern begins."""
    lists = [False]  # for each open bracket, whether we are in a list of patterns
    for place, word in enumerate(words):
        before = words[place - 1] if place else ""
        begins = False
        if word in OPENING:
            begins = (word == "{" and before in _HOLDERS) or (word == "(" and before in _PATHS)
            lists.append(begins)
        elif word in CLOSING:
            lists[1:] = lists[1:-1]
        elif word in _CLAUSES and before not in (".", ":"):
            lists[-1] = begins = word == "match"
        elif word == ",":
            begins = lists[-1]
        if begins:
            first = place + 1
            if words[first + 1 : first + 2] == ["="]:  # the path has a name
                first += 2
            if not {*words[first : first + 1]} & {"match", "optional", "unwind", "with", *_PATHS}:
                yield first


def _relations(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """First and last place of every relationship pattern."""
    for place, word in enumerate(words):
        behind = words[place + 1] if place + 1 < len(words) else ""
        if word not in ("-", "<-") or behind not in ("[", "-", "->"):
            continue
        close = _closing(words, place + 1) if behind == "[" else place
        yield place, (len(words) if close is None else close + 1)


def _node(tokens: Sequence[Token], words: Sequence[str], start: int) -> _Node | None:
    """The node pattern that opens at a place, if one does: (name:Label {…} WHERE …), all of it optional."""
    end = _closing(words, start)
    place = start + 1
    if end is None:
        return None
    if tokens[place].kind == "word" and words[place] != "where":
        place += 1
    if words[place] == ":":
        while words[place] in (":", "|", "&", "!") or (tokens[place].kind == "word" and words[place] != "where"):
            place += 1
    offset, text = tokens[place - 1].end, " {workspace: $workspace}"
    if words[place] == "{":
        close = _closing(words, place)
        if close is None:
            return None
        inside = words[place + 1 : close]
        is_there = _is_filter(tokens[place + 1 : place + 5])
        added = "" if is_there else "workspace: $workspace" + (", " if inside else "")
        offset, text = tokens[place].end, added
        place = close + 1
    return _Node(start, end, offset, text) if place == end or words[place] == "where" else None


def _closing(words: Sequence[str], start: int) -> int | None:
    """Where the bracket that opens at a place closes."""
    depth = 0
    for place in range(start, len(words)):
        depth += (words[place] in OPENING) - (words[place] in CLOSING)
        if depth == 0:
            return place
    return None
