"""Binds a query to one workspace: every node pattern gets the condition `workspace: $workspace`.

Several knowledge bases share a database, and no relationship leads from one to another. So a query whose node patterns
all have the condition cannot leave its workspace. A query in which it is not clear what is a node pattern is refused.
Whoever writes the query, such as a model, need not know of workspaces.

    scope("MATCH (a:Entity)-[f:FACT]->(b) RETURN b.name")
    # MATCH (a:Entity {workspace: $workspace})-[f:FACT]->(b {workspace: $workspace}) RETURN b.name
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kg.stores.neo4j.guard import CLOSING, FUNCTIONS, OPENING, CypherToken, reading, tokens_of
from models.errors import InputError

_FILTER = ["workspace", ":", "$workspace"]
_PATHS = ("shortestpath", "allshortestpaths")
_HOLDERS = ("exists", "count", "collect")
"""Words whose braces hold a pattern or a subquery."""
_CLAUSES = frozenset(["match", "where", "return", "with", "unwind", "order", "skip", "limit", "union"])
"""Words at which a list of patterns begins (`match`) or ends (the others)."""
_PLAIN = 'Write patterns as MATCH (a:Label {name: "…"})-[f:TYPE]->(b), with single nodes and relationships.'


@dataclass(frozen=True, slots=True)
class _NodePattern:
    """A node pattern, and how it is bound to the workspace.

    Attributes:
        start: Index of its opening bracket among the tokens.
        end: Index of its closing bracket.
        offset: Where the condition is inserted in the text of the query, in characters.
        text: The condition; "" if it is there already.
    """

    start: int
    end: int
    offset: int
    text: str


def scope(query: str) -> str:
    """Bind every node pattern of a query to `$workspace`.

    Args:
        query: Cypher that reads; a semicolon at its end is removed.
    Raises:
        InputError: The query does more than read, or could look outside its workspace.
    """
    query = reading(query)
    tokens = tokens_of(query)
    words = [_word(token) for token in tokens]
    for index, word in enumerate(words):
        after = words[index + 1] if index + 1 < len(words) else ""
        if word == "call":
            raise InputError("Expected MATCH instead of CALL, which searches all workspaces.")
        # "MATCH match = (a)" is Cypher, but clauses are told by their words below.
        if word in _CLAUSES and after == "=":
            raise InputError(f"The path is called {tokens[index].text}, as a clause is. Give it another name.")
        if word == "workspace" and words[index - 1] != "." and not _is_filter(tokens[index : index + 4]):
            raise InputError("The query names a workspace. Leave that out, since the right one is added.")
    # From the end, so that the offsets of the patterns before stay right.
    for node in reversed(_node_patterns(tokens, words)):
        query = query[: node.offset] + node.text + query[node.offset :]
    return query


def _word(token: CypherToken) -> str:
    """What tells a token's role: words in lower case, marks and parameters; "…" for a string or number."""
    return token.text.lower() if token.kind == "word" else token.text if token.kind in ("mark", "parameter") else "…"


def _is_filter(tokens: Sequence[CypherToken]) -> bool:
    """Whether tokens are the condition, ended by "," or "}" so that its value has no second part."""
    texts = [token.text for token in tokens]
    return texts[:3] == _FILTER and texts[3:] in ([","], ["}"])


def _node_patterns(tokens: Sequence[CypherToken], words: Sequence[str]) -> list[_NodePattern]:
    """All node patterns, in their order.

    A bracket is a node pattern if it has the form of one and either begins a path or is next to a relationship. Two
    ways of finding them must agree: if a path begins, or a relationship ends, where no node pattern was found, then
    something here was misread, and the query is refused rather than run unbound.
    """
    firsts, relationships = set(_path_starts(words)), list(_relationships(words))
    begins, ends = {begin for begin, _ in relationships}, {end for _, end in relationships}
    patterns = []
    for index, word in enumerate(words):
        is_call = index > 0 and words[index - 1] in FUNCTIONS
        node = None if word != "(" or is_call else _node_pattern(tokens, words, index)
        if node and (index in firsts or node.end + 1 in begins or index - 1 in ends):
            patterns.append(node)
    opening, closing = {node.start for node in patterns}, {node.end for node in patterns}
    expected_opening = firsts | {end + 1 for end in ends}
    expected_closing = {begin - 1 for begin in begins}
    if not (opening >= expected_opening and closing >= expected_closing):
        raise InputError(f"The query's patterns cannot be told from the rest of it. {_PLAIN}")
    return patterns


def _path_starts(words: Sequence[str]) -> Iterator[int]:
    """Indexes at which a path of a pattern begins."""
    lists = [False]  # for each open bracket, whether a list of patterns is open in it
    for index, word in enumerate(words):
        before = words[index - 1] if index else ""
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
            first = index + 1
            if words[first + 1 : first + 2] == ["="]:  # the path has a name
                first += 2
            if not {*words[first : first + 1]} & {"match", "optional", "unwind", "with", *_PATHS}:
                yield first


def _relationships(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """First and last index of every relationship pattern."""
    for index, word in enumerate(words):
        after = words[index + 1] if index + 1 < len(words) else ""
        if word not in ("-", "<-") or after not in ("[", "-", "->"):
            continue
        close = _closing(words, index + 1) if after == "[" else index
        # A bracket that never closes ends beyond the query, where no node pattern is: the query is refused.
        yield index, (len(words) if close is None else close + 1)


def _node_pattern(tokens: Sequence[CypherToken], words: Sequence[str], start: int) -> _NodePattern | None:
    """The node pattern that opens at an index, if one does: (name:Label {…} WHERE …), all of it optional."""
    end = _closing(words, start)
    index = start + 1
    if end is None:
        return None
    if tokens[index].kind == "word" and words[index] != "where":
        index += 1
    if words[index] == ":":
        while words[index] in (":", "|", "&", "!") or (tokens[index].kind == "word" and words[index] != "where"):
            index += 1
    offset, text = tokens[index - 1].end, " {workspace: $workspace}"
    if words[index] == "{":
        close = _closing(words, index)
        if close is None:
            return None
        properties = words[index + 1 : close]
        is_bound = _is_filter(tokens[index + 1 : index + 5])
        text = "" if is_bound else "workspace: $workspace" + (", " if properties else "")
        offset = tokens[index].end
        index = close + 1
    return _NodePattern(start, end, offset, text) if index == end or words[index] == "where" else None


def _closing(words: Sequence[str], start: int) -> int | None:
    """Index at which the bracket that opens at `start` closes, or None if it never does."""
    depth = 0
    for index in range(start, len(words)):
        depth += (words[index] in OPENING) - (words[index] in CLOSING)
        if depth == 0:
            return index
    return None
