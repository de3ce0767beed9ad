"""One form for relations that differ in tense or auxiliaries only, such as "was founded by" and "is founded by".

The active voice goes to the present ("led", "has led" -> "leads"), the passive loses its auxiliary ("is located in"
-> "located in"), articles inside go ("is a member of" -> "is member of"). What changes the meaning stays: negation,
modal verbs, adverbs, prepositions. Only predicates that begin with a verb of `kg.language.verbs` are touched, so those
of another language keep their words, as do those with a word that only another language has. A participle before a
preposition ("published in") may be active or passive and is taken for passive, save with verbs that have none.

No passive is turned into an active: "founded by" and "founds" stay two relations.
"""

from __future__ import annotations

from functools import lru_cache

from kg.language.verbs import base_form, present

_BE_WORDS = "am is are was were be been being"
_HAVE_WORDS = "have has had"
_ARTICLES_WORDS = "a an the"
# Words of negation, modality and future: a predicate with one of them keeps every word.
_KEEP_WORDS = "not no never nor neither cannot without will would shall should may might can could must going about"
_FOREIGN_WORDS = """
    de het een van der die das den dem des ein eine von zu mit und im la le les el los las lo il di da del della en un
    una con que por para et est sur dans y e o em na ja og av af på til med som och för är i w z
"""
_LINKS_WORDS = """
    about above across after against along among around as at before behind below beneath beside between beyond by
    during for from in into inside like near of off on onto out outside over past since through throughout till to
    toward towards under until up upon via with within north south east west northwest northeast southwest southeast
    close next
"""
_NEVER_PASSIVE_WORDS = """
    act agree appear arrive attempt attend begin belong cease collaborate come compete consist contribute cooperate
    depart depend die emerge emigrate evolve exist fall flow go graduate grow happen immigrate lead lie live migrate
    move occur originate participate perform play proceed refer reign rely remain reside respond result retire return
    rise run sail seem serve sit speak specialise specialize stand start stay succeed suffer survive travel wait walk
    work
"""
# Base forms that are hardly nouns, and no words of another language that we know of.
_PLURAL_WORDS = """
    achieve acquire allow appear attend become begin believe belong bring build choose connect contain develop
    discover eat employ grow inhabit join keep know live lose make obtain occupy occur own perform protect provide
    publish receive remain require see sell speak surround survive take teach tell think understand win write
"""
_BE, _HAVE, _ARTICLES, _KEEP = (
    frozenset(words.split()) for words in (_BE_WORDS, _HAVE_WORDS, _ARTICLES_WORDS, _KEEP_WORDS)
)
_FOREIGN, _LINKS, _NEVER_PASSIVE, _PLURAL = (
    frozenset(words.split()) for words in (_FOREIGN_WORDS, _LINKS_WORDS, _NEVER_PASSIVE_WORDS, _PLURAL_WORDS)
)
_SAME = {"situated": "located", "entitled": "titled"}


@lru_cache(maxsize=1 << 16)
def canonical(predicate: str) -> str:
    """The canonical form of a relation in words; never empty for one that is not.

    Example:
        >>> [canonical(text) for text in ("was founded by", "is founded by", "has founded", "Founded")]
        ['founded by', 'founded by', 'founds', 'founds']
        >>> [canonical(text) for text in ("was not part of", "will open in", "ist Hauptstadt von", "was a member of")]
        ['was not part of', 'will open in', 'ist hauptstadt von', 'is member of']
    """
    words = predicate.casefold().strip(" .,;:").split()
    if not words:
        return predicate
    plain = all(word.isascii() and word.replace("-", "").isalpha() for word in words)
    if not plain or _KEEP & set(words) or _FOREIGN & set(words) or words[:2] == ["used", "to"] or _is_future(words):
        return " ".join(words)
    verb_form = _verb_first(words)
    if verb_form is None:
        return " ".join(words)
    form = " ".join(_without_articles([_SAME.get(verb_form[0], verb_form[0]), *verb_form[1:]]))
    # Once more until nothing changes, so that the canonical form of a canonical form is itself.
    return form if form == predicate else canonical(form)


def _verb_first(words: list[str]) -> list[str] | None:
    """The words with their verb in canonical form, or None if they do not begin with a verb."""
    first, *rest = words
    if first in _HAVE:
        if not rest:
            return ["has"]
        if rest[0] == "been":
            return _be(rest[1:])
        verb = base_form(rest[0], "participle")
        # "had set pieces", "has read receipts": a form that is the base too may be a noun.
        return ["has", *rest] if verb is None or verb == rest[0] else [present(verb), *rest[1:]]
    if first in _BE:
        return _be(rest)
    return _finite(first, rest)


def _be(rest: list[str]) -> list[str]:
    """The words after a form of "be", without it where the participle alone would count as passive too.

    Otherwise "is" stays, or the next pass would take the participle for a past tense.
    """
    if rest and rest[0] == "being":
        rest = rest[1:]
    is_passive = rest and base_form(rest[0], "participle") is not None and _finite(rest[0], rest[1:]) == rest
    return rest if is_passive else ["is", *rest]


def _finite(first: str, rest: list[str]) -> list[str] | None:
    """A past tense in the present; a participle before a preposition counts as passive and stays."""
    past = base_form(first, "past")
    participle = base_form(first, "participle")
    if past is not None:
        linked = bool(rest) and (rest[0] in _LINKS or rest[0].endswith("ly"))
        is_passive = participle is not None and linked and (past not in _NEVER_PASSIVE or rest[0] == "by")
        return [first, *rest] if is_passive else [present(past), *rest]
    if participle is not None or base_form(first, "present") is not None:
        return [first, *rest]
    return [present(first), *rest] if first in _PLURAL else None


def _is_future(words: list[str]) -> bool:
    """Whether the words are a future such as "is to open"."""
    return words[0] in _BE and words[1:2] == ["to"]


def _without_articles(words: list[str]) -> list[str]:
    """The words without the articles inside; an article at the end belongs to the object ("is a") and stays."""
    *inner, last = words
    return [*(word for word in inner if word not in _ARTICLES), "a" if last == "an" else last]
