"""What a query from outside may say: reading, of what a knowledge base holds, and nothing else.

A query is cut into tokens and every one of them must be known: clauses that read, functions that only compute,
procedures that search an index, and words that Cypher does not reserve, as names. Whatever could hide something from
that look is refused too: comments, escapes in the form of `\\u0041`, names in backticks, letters outside strings that
are not ASCII. The server is asked in READ access mode besides, under a time limit and a cap on rows; either alone would
have to hold (see `kg.stores.neo4j.query`).

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
"""Functions without a side effect that read nothing but the graph."""

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
"""Words of Cypher that begin or shape a clause; as names they are refused, but for those of `_HARMLESS`."""
_HARMLESS = _words(
    """name names node nodes path row rows text key group type role rel relationship start from to target user language
    property element"""
)
"""Reserved words that people call things and that open no clause that writes."""

_TOKENS = re.compile(
    r"""(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<parameter>\$\w+)
    |(?P<word>[A-Za-z_]\w*)|(?P<space>\s+)|(?P<mark><=|>=|<>|=~|->|<-|\.\.|\+=|[-+*/%^=<>()\[\]{},.:|!&])""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_LONGEST, _DEEPEST = 10_000, 50
OPENING, CLOSING = ("(", "[", "{"), (")", "]", "}")
_ESCAPE = re.compile(r"\\[uU]")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, string, number, parameter or mark of a query, and where it ends in the text."""

    kind: str
    text: str
    end: int


def refuse(query: str) -> str | None:
    """Why a query must not be run, in words, or None where it may.

    Args:
        query: One statement of Cypher.
    """
    if len(query) > _LONGEST:
        return f"{len(query):,} characters: a query has at most {_LONGEST:,}"
    if query.encode("utf-8", "replace").decode("utf-8") != query:
        return "half of a character (a lone surrogate)"
    if _ESCAPE.search(query):
        return "an escape of the form \\u0041, which Cypher reads before everything else: write the character itself"
    tokens: list[Token] = []
    depth = 0
    for token in _tokens(query):
        if isinstance(token, str):
            return token
        tokens.append(token)
        depth += (token.text in OPENING) - (token.text in CLOSING)
        if depth > _DEEPEST:
            return f"brackets more than {_DEEPEST} deep, which a server can't read"
    if not tokens:
        return "nothing: expected a query such as MATCH (e:Entity) RETURN e.name"
    if tokens[0].text.lower() not in ("match", "optional", "unwind", "with", "return", "call"):
        return f"{tokens[0].text!r} at its start: expected MATCH, OPTIONAL MATCH, UNWIND, WITH, RETURN or CALL"
    if reason := next(filter(None, (_refuse_word(tokens, place) for place in range(len(tokens)))), None):
        return reason
    if not any(token.kind == "word" and token.text.lower() == "return" for token in tokens):
        return "no RETURN: a query that reads returns something"
    return None


def reading(query: str) -> str:
    """A query that reads, without the semicolon at its end.

    Raises:
        InputError: It does more than read.
    """
    query = query.strip().removesuffix(";")
    if reason := refuse(query):
        raise InputError(f"only queries that read are run, and this one has {reason}")
    return query


def tokens_of(query: str) -> list[Token]:
    """The tokens of a query that `refuse` lets pass."""
    return [token for token in _tokens(query) if isinstance(token, Token)]


def _tokens(query: str) -> Iterator[Token | str]:
    """The tokens but for white space; last a reason, where something is none."""
    place = 0
    while place < len(query):
        if query.startswith(("//", "/*"), place):
            yield "a comment: leave it out"
            return
        found = _TOKENS.match(query, place)
        if found is None:
            yield f"{query[place]!r}, which no query that reads needs outside a string"
            return
        place = found.end()
        if found.lastgroup != "space":
            yield Token(str(found.lastgroup), found[0], place)


def _refuse_word(tokens: list[Token], place: int) -> str | None:
    token = tokens[place]
    if token.kind != "word":
        return None
    word = token.text.lower()
    before = tokens[place - 1].text if place else ""
    after = tokens[place + 1].text if place + 1 < len(tokens) else ""
    if word == "call":
        return _refuse_call(tokens, place + 1)
    if before == ".":  # a property, or a part of a name that `_refuse_call` or this has seen from its start
        of = tokens[place - 2] if place >= 2 else None
        if of is None or (of.kind != "word" and of.text not in (*CLOSING, "{", ",")):  # the last two: {.name, .type}
            return f"{token.text!r} behind a lone dot"
        return None if after != "(" or _is_procedure(tokens, place) else f"the function {token.text!r} of a namespace"
    if before == ":" or (before == "|" and after != "("):  # a label or a type
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


def _refuse_call(tokens: list[Token], place: int) -> str | None:
    name = _dotted(tokens, place)
    if name.lower() in PROCEDURES:
        return None
    return f"CALL {name or '{'}: the only procedures are {', '.join(sorted(PROCEDURES))}"


def _dotted(tokens: list[Token], place: int) -> str:
    """The name of several parts that starts at a place."""
    parts = ""
    while place < len(tokens) and (tokens[place].kind == "word" or tokens[place].text == "."):
        parts += tokens[place].text
        place += 1
    return parts


def _is_procedure(tokens: list[Token], place: int) -> bool:
    """Whether the word at a place ends the name of an allowed procedure behind CALL."""
    start = place
    while start >= 2 and tokens[start - 1].text == "." and tokens[start - 2].kind == "word":
        start -= 2
    is_called = start > 0 and tokens[start - 1].text.lower() == "call"
    return is_called and _dotted(tokens, start).lower() in PROCEDURES
