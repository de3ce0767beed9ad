"""The names and statements of a sentence that was parsed with Universal Dependencies, as spaCy's French pipeline does.

A smaller reading than `kg.extraction.clauses` has of English: a verb, or a noun with its copula, joins its subject to
its objects and to the phrases behind it; a participle and an apposition join what they stand by. The subject must be a
name. Relations are the sentence's own words; what a sentence denies is not stated.

    statements(nlp("Marie Curie a découvert le radium à Paris."))

Source: Universal Dependencies 2 (de Marneffe et al., Computational Linguistics 2021).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kg.extraction.clauses import MAX_PHRASE_TOKENS, Range, Statement

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

_SUBJECTS = frozenset(("nsubj", "nsubj:pass"))
_BESIDE = frozenset(("amod", "flat", "flat:name", "flat:foreign", "compound", "nummod"))
"""Words beside a noun that belong to its name."""
_NOUNS = frozenset(("NOUN", "PROPN", "NUM"))
_OUTSIDE = frozenset(("DET", "ADP", "PUNCT", "SPACE", "PRON", "CCONJ"))
_DENYING = frozenset(("ne", "n'", "n’", "pas", "jamais", "aucun", "aucune", "ni"))
_RELATIVE = frozenset(("qui", "que", "dont", "où", "lequel", "laquelle"))


def names(doc: Doc) -> list[Range]:
    """The names that the recogniser sees, without articles and prepositions at their ends, in order."""
    ranges = (_trimmed(doc, (entity.start, entity.end)) for entity in doc.ents)
    return [tokens for tokens in ranges if tokens[1] - tokens[0] <= MAX_PHRASE_TOKENS and _is_capitalised(doc, tokens)]


def statements(doc: Doc) -> list[Statement]:
    """Statements of one sentence, in the order of their verbs and nouns, each once."""
    named = names(doc)
    unique = dict.fromkeys(statement for token in doc for statement in _at(token, named))
    return [
        statement
        for statement in unique
        if statement.subject in named
        and (statement.subject[1] <= statement.object[0] or statement.object[1] <= statement.subject[0])
    ]


def _at(token: Token, named: list[Range]) -> Iterator[Statement]:
    """The statements whose relation depends on one token."""
    if token.pos_ in _NOUNS:
        for child in token.children:
            if child.dep_ == "appos" and child.pos_ in _NOUNS:
                yield Statement(_phrase(token, named), "est", _phrase(child, named), token.i)
    copula = [child for child in token.children if child.dep_ == "cop"]
    if (token.pos_ != "VERB" and not copula) or _is_denied(token):
        return
    relation = _relation(token, copula)
    for subject in _subjects(token):
        for words, end in _objects(token, relation, bool(copula)):
            yield Statement(_phrase(subject, named), words, _phrase(end, named), token.i)


def _subjects(verb: Token, depth: int = 0) -> list[Token]:
    own = [child for child in verb.children if child.dep_ in _SUBJECTS]
    if own and own[0].lower_ not in _RELATIVE:
        return [token for subject in own for token in _conjuncts(subject)]
    if verb.dep_ in ("acl", "acl:relcl"):
        # "une tour gérée par la ville"; in "la tour que la ville gère" the noun is no subject.
        is_subject = bool(own) or "VerbForm=Part" in str(verb.morph)
        return [verb.head] if is_subject else []
    if verb.dep_ in ("conj", "xcomp") and depth < 4:  # a broken parse may have longer chains
        return _subjects(verb.head, depth + 1)
    return []


def _objects(verb: Token, relation: str, is_noun: bool) -> Iterator[tuple[str, Token]]:
    """Relations, with the preposition of each object, and the objects' heads."""
    if is_noun:
        yield _copula_of(verb, relation), verb
    for child in verb.children:
        if child.dep_ == "obj" or child.dep_.startswith("obl") or (is_noun and child.dep_ == "nmod"):
            for end in _conjuncts(child):
                if end.pos_ in _NOUNS:
                    yield f"{relation} {_case(child)}".strip(), _called(end)
            if child.dep_ == "obj" and child.pos_ == "NOUN":
                # "a découvert le radium à Paris": a common noun goes with its verb.
                words = f"{relation} {child.doc[child.left_edge.i : child.i + 1].text.lower()}"
                yield from (
                    (f"{words} {_case(end)}", end) for end in child.children if end.dep_ == "nmod" and _case(end)
                )


def _relation(verb: Token, copula: list[Token]) -> str:
    """The verb with its auxiliaries, or a noun behind its copula with what stands between the two."""
    if copula:
        return str(verb.doc[copula[0].i : verb.i + 1].text.lower())
    parts = [child for child in verb.children if child.dep_.startswith("aux") or child.dep_ == "expl:comp"]
    words = " ".join(token.lower_ for token in sorted([*parts, verb], key=lambda token: token.i))
    return f"{_relation(verb.head, [])} {words}" if verb.dep_ == "xcomp" and verb.head.pos_ == "VERB" else words


def _copula_of(noun: Token, relation: str) -> str:
    return next((child.lower_ for child in noun.children if child.dep_ == "cop"), relation)


def _case(noun: Token) -> str:
    """The preposition before a noun."""
    return " ".join(child.lower_ for child in noun.children if child.dep_ == "case")


def _conjuncts(token: Token) -> list[Token]:
    return [token, *(child for child in token.children if child.dep_ == "conj" and child.pos_ in _NOUNS)]


def _called(noun: Token) -> Token:
    """The name behind a common noun: Auvergne in "la région Auvergne"."""
    named = (child for child in noun.rights if child.pos_ == "PROPN" and child.dep_ in ("appos", "nmod", "flat:name"))
    return next((child for child in named if not _case(child)), noun) if noun.pos_ == "NOUN" else noun


def _is_denied(token: Token) -> bool:
    return any(child.lower_ in _DENYING for child in token.children)


def _phrase(head: Token, named: list[Range]) -> Range:
    """The name that a noun stands in, or the noun with the words beside it that belong to it."""
    for tokens in named:
        if tokens[0] <= head.i < tokens[1]:
            return tokens
    beside = {child.i for child in head.children if child.dep_ in _BESIDE}
    first, last = head.i, head.i + 1
    while first - 1 in beside:
        first -= 1
    while last in beside:
        last += 1
    return _trimmed(head.doc, (first, last))


def _trimmed(doc: Doc, tokens: Range) -> Range:
    first, last = tokens
    while last - first > 1 and doc[first].pos_ in _OUTSIDE:
        first += 1
    while last - first > 1 and doc[last - 1].pos_ in _OUTSIDE:
        last -= 1
    return first, last


def _is_capitalised(doc: Doc, tokens: Range) -> bool:
    """Whether a word has a capital: the recogniser takes common nouns too."""
    return any(token.text[:1].isupper() for token in doc[tokens[0] : tokens[1]])
