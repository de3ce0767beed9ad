"""What a query of a person or a model may say: it reads what a knowledge base holds, and nothing else.

A query is cut into tokens and every one of them must be known: clauses that read, functions that only compute,
procedures that search an index, and words that Cypher does not reserve, as names. What could hide something from this
check is refused too: comments, escapes such as `\\u0041`, names in backticks, and letters outside strings that are not
ASCII. The server runs the query in READ access mode as well, under limits of time and rows (`kg.stores.neo4j.query`):
two defences, each of which must hold alone.

    refuse("MATCH (e:Entity) RETURN e.name LIMIT 5")      # None
    refuse("MATCH (n) DETACH DELETE n")                   # 'DETACH', which is no word of a query that reads: …
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from models.errors import InputError


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CLAUSES = _words(
    """match optional where return with unwind as distinct order by asc ascending desc descending skip offset limit
    union all and or xor not in is null true false starts ends contains case when then else end exists count collect
    call yield any none single reduce shortestpath allshortestpaths nan inf infinity"""
)
"""Reserved words that a query may use; `call` only before a procedure of `PROCEDURES`."""

FUNCTIONS = _words(
    """count collect sum avg min max stdev stdevp percentilecont percentiledisc size length nodes relationships type
    labels head last tail range reverse tolower toupper trim ltrim rtrim split substring replace left right tostring
    tointeger tofloat toboolean coalesce startnode endnode abs round ceil floor sqrt sign exists any all none single
    reduce shortestpath allshortestpaths keys properties"""
)
"""Functions without side effects that read nothing but the graph: no `file`, no `apoc`, nothing of a plug-in."""

PROCEDURES = frozenset({"db.index.fulltext.querynodes", "db.index.vector.querynodes"})
"""Searches of an index."""

RESERVED = _words(
    """access add admin alias aliases alter assert assign assigned at auth binding boost bound brief btree built
    call cancel catalog change commands commit composite concurrent constraint constraints copy create csv current
    cypher data database databases dbms deallocate default defined delete deny detach driver drop dryrun dump
    dynamic each edge element elements encrypted enforced error executable execute existence explain export fail
    fieldterminator filter finish for foreach from fulltext function functions grant graph graphs group groups
    headers home if immutable impersonate import index indexes insert into join key language leading let load lookup
    management merge name names new next nfc nfd nfkc nfkd node nodetach of on only option options password
    passwords path periodic plaintext point populated primaries primary privilege privileges procedure procedures
    profile property provider range read reallocate rel relationship remove rename repeatable replace report require
    required restrict return revoke role roles row rows scan search seconds secondaries secondary seek server
    servers set setting settings show shortest sort start status stop structure supported suspended target terminate
    text timeout to topology trailing transaction transactions traverse trim typed unbounded unique uniqueness
    unwind use user users using vector verbose wait write zone"""
)
"""Words of Cypher that begin or shape a clause; as names they are refused, except those of `_HARMLESS`."""
_HARMLESS = _words(
    """name names node nodes path row rows text key group type role rel relationship start from to target user language
    property element"""
)
"""Reserved words that people use as names, and that open no clause that writes."""

_TOKENS = re.compile(
    r"""(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<parameter>\$\w+)
    |(?P<word>[A-Za-z_]\w*)|(?P<space>\s+)|(?P<mark><=|>=|<>|=~|->|<-|\.\.|\+=|[-+*/%^=<>()\[\]{},.:|!&])""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_MAX_CHARACTERS, _MAX_DEPTH = 10_000, 50
OPENING, CLOSING = ("(", "[", "{"), (")", "]", "}")
_ESCAPE = re.compile(r"\\[uU]")


@dataclass(frozen=True, slots=True)
class CypherToken:
    """A piece of a query.

    Attributes:
        kind: "word", "string", "number", "parameter" or "mark" (an operator or bracket).
        text: Its characters.
        end: Its end in the text of the query, in characters.
    """

    kind: str
    text: str
    end: int


def refuse(query: str) -> str | None:
    """Why a query must not be run, as what it has, in words; None if it may be run.

    Args:
        query: One statement of Cypher.
    """
    if len(query) > _MAX_CHARACTERS:
        return f"{len(query):,} characters: a query has at most {_MAX_CHARACTERS:,}"
    if query.encode("utf-8", "replace").decode("utf-8") != query:
        return "half of a character (a lone surrogate)"
    if _ESCAPE.search(query):
        return "an escape of the form \\u0041, which Cypher reads before everything else: write the character itself"
    tokens: list[CypherToken] = []
    depth = 0
    for token in _tokens(query):
        if isinstance(token, str):
            return token
        tokens.append(token)
        depth += (token.text in OPENING) - (token.text in CLOSING)
        if depth > _MAX_DEPTH:
            return f"brackets more than {_MAX_DEPTH} deep, which exhaust a server's stack"
    if not tokens:
        return "nothing: expected a query such as MATCH (e:Entity) RETURN e.name"
    if tokens[0].text.lower() not in ("match", "optional", "unwind", "with", "return", "call"):
        return f"{tokens[0].text!r} at its start: expected MATCH, OPTIONAL MATCH, UNWIND, WITH, RETURN or CALL"
    if reason := next(filter(None, (_refuse_word(tokens, index) for index in range(len(tokens)))), None):
        return reason
    if not any(token.kind == "word" and token.text.lower() == "return" for token in tokens):
        return "no RETURN: a query that reads returns something"
    return None


def reading(query: str) -> str:
    """Check that a query only reads, and remove the semicolon at its end.

    Raises:
        InputError: The query does more than read.
    """
    query = query.strip().removesuffix(";")
    if reason := refuse(query):
        raise InputError(f"Expected a query that only reads, but this one has {reason}.")
    return query


def tokens_of(query: str) -> list[CypherToken]:
    """The tokens of a query that `refuse` lets pass."""
    return [token for token in _tokens(query) if isinstance(token, CypherToken)]


def _tokens(query: str) -> Iterator[CypherToken | str]:
    """The tokens without white space; where something is no token, a reason comes last."""
    position = 0
    while position < len(query):
        # What the server takes for a comment must not be taken for words here, nor the other way round.
        if query.startswith(("//", "/*"), position):
            yield "a comment: leave it out"
            return
        match = _TOKENS.match(query, position)
        if match is None:
            yield f"{query[position]!r}, which no query that reads needs outside a string"
            return
        position = match.end()
        if match.lastgroup != "space":
            yield CypherToken(str(match.lastgroup), match[0], position)


def _refuse_word(tokens: list[CypherToken], index: int) -> str | None:
    """Why the token at an index is refused, or None; only words can be."""
    token = tokens[index]
    if token.kind != "word":
        return None
    word = token.text.lower()
    before = tokens[index - 1].text if index else ""
    after = tokens[index + 1].text if index + 1 < len(tokens) else ""
    if word == "call":
        return _refuse_call(tokens, index + 1)
    if before == ".":  # a property, or a part of a name that `_refuse_call` or this has seen from its start
        of = tokens[index - 2] if index >= 2 else None
        if of is None or (of.kind != "word" and of.text not in (*CLOSING, "{", ",")):  # the last two: {.name, .type}
            return f"{token.text!r} behind a lone dot"
        return None if after != "(" or _is_procedure(tokens, index) else f"the function {token.text!r} of a namespace"
    # After ":" or "|" comes a label or a type, whatever the word. After the "|" of a list comprehension,
    # [x IN xs | f(x)], comes an expression, whose functions are checked below.
    if before == ":" or (before == "|" and after != "("):
        return None
    if after == "(" and word not in CLAUSES and word not in FUNCTIONS:
        return f"{token.text!r}, which is no function of a query that reads"
    if after == "(" and word in FUNCTIONS:
        return None
    if word in CLAUSES or word in _HARMLESS or word not in RESERVED:
        return None
    if after == ":" and before in ("{", ","):  # a key of a map
        return None
    return f"{token.text!r}, which is no word of a query that reads"


def _refuse_call(tokens: list[CypherToken], index: int) -> str | None:
    """Why what follows CALL is refused, or None; a subquery in braces has no name and is refused too."""
    name = _dotted(tokens, index)
    if name.lower() in PROCEDURES:
        return None
    return f"CALL {name or '{'}: the only procedures are {', '.join(sorted(PROCEDURES))}"


def _dotted(tokens: list[CypherToken], index: int) -> str:
    """The dotted name that starts at an index."""
    parts = ""
    while index < len(tokens) and (tokens[index].kind == "word" or tokens[index].text == "."):
        parts += tokens[index].text
        index += 1
    return parts


def _is_procedure(tokens: list[CypherToken], index: int) -> bool:
    """Whether the word at an index ends the name of an allowed procedure behind CALL."""
    start = index
    while start >= 2 and tokens[start - 1].text == "." and tokens[start - 2].kind == "word":
        start -= 2
    is_called = start > 0 and tokens[start - 1].text.lower() == "call"
    return is_called and _dotted(tokens, start).lower() in PROCEDURES
