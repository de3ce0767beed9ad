"""The statements of a parsed sentence: subject, relation and object, taken from its dependency tree.

English dependency labels of spaCy's pipelines (ClearNLP style). Only what the tree joins is stated: a verb with its
subject and objects, a noun with its prepositional phrase, an apposition, a possessor. Ends are noun phrases as the
sentence writes them, without articles; relations are the sentence's own words, so that every statement can be found
in it. Texts, chunks and evidence are left to `kg.extraction.nlp`.

    statements(nlp("Ada Lorne, a chemist, founded Marrow & Finch in Torsby."))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

Range = tuple[int, int]
"""Indexes of the first token and of one past the last."""

MAX_PHRASE_TOKENS = 10
MAX_CARRIED_WORDS = 3
_SUBJECTS = frozenset(("nsubj", "nsubjpass"))
_OBJECTS = frozenset(("dobj", "attr", "oprd", "dative"))
_AUXILIARIES = frozenset(("aux", "auxpass"))
_PREPOSITIONS = frozenset(("prep", "agent"))
_CLAUSES = frozenset(("relcl", "acl", "advcl", "xcomp", "ccomp", "conj", "pcomp"))
_IN_PHRASE = frozenset(
    ("compound", "amod", "nummod", "quantmod", "nmod", "poss", "advmod", "punct", "case", "npadvmod")
)
_NOUNS = frozenset(("NOUN", "PROPN", "NUM", "X"))
_NOMINAL = _NOUNS | {"ADJ"}
_OUTSIDE = frozenset(("DET", "PRON", "PUNCT", "SPACE", "ADP", "CCONJ", "SCONJ", "PART", "AUX"))
_PLACES = frozenset(("GPE", "LOC", "FAC"))
_VALUES = frozenset(("DATE", "TIME", "PERCENT", "MONEY", "QUANTITY", "ORDINAL", "CARDINAL"))
_NEGATING = frozenset(("not", "n't", "never", "hardly", "rarely", "seldom", "barely", "almost", "nearly"))
_NO = frozenset(("no", "neither"))
_NOBODY = frozenset(("nobody", "nothing", "none", "neither", "nowhere"))
_RELATIVE = frozenset(("who", "which", "that", "whom", "whose"))
_LIGHT_WORDS = """
    variety number range kind type sort form part group series lot set amount couple pair piece majority host array
"""
_EMPTY_WORDS = "one some many most each other others another such same all both either none us"
_LEADING_WORDS = """
    in: fact addition conclusion order return response turn general particular case contrast summary way
    for: example instance
    as: result well
    on: hand
"""
_LIGHT, _EMPTY = frozenset(_LIGHT_WORDS.split()), frozenset(_EMPTY_WORDS.split())
"""Nouns that mean little without what follows "of"; words that are no name by themselves."""
_LEADING = {
    line.split(":")[0].strip(): frozenset(line.split(":")[1].split()) for line in _LEADING_WORDS.strip().splitlines()
}
"""Prepositional phrases that lead from one sentence to the next and state nothing, by preposition."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a sentence.

    Attributes:
        subject: Tokens of the subject.
        relation: Relation in words, lower case.
        object: Tokens of the object.
        verb: Index of the verb or noun that states it.
    """

    subject: Range
    relation: str
    object: Range
    verb: int


def statements(doc: Doc) -> list[Statement]:
    """Statements of one sentence, in the order of their verbs and nouns, each once."""
    extractor = _StatementExtractor(doc)
    unique = dict.fromkeys(statement for token in doc for statement in extractor.statements_at(token))
    return [statement for statement in unique if not _overlap(statement.subject, statement.object)]


def phrase(token: Token) -> Range:
    """The noun phrase of a head: the entity that spaCy sees there, or the head with the words before it."""
    entity = _entity_at(token)
    if entity is not None:
        return entity
    # From the head leftwards, until something does not belong to the name: of "the old paper mill" "old paper mill".
    first = token.i
    for child in sorted(token.lefts, key=lambda child: -child.i):
        if child.dep_ not in _IN_PHRASE or child.pos_ in ("PRON", "DET"):
            break
        first = child.left_edge.i
    last = token.i + 1
    # "a variety of mills" without its "of" would be "a variety".
    light = next((child for child in token.rights if child.dep_ == "prep" and child.lower_ == "of"), None)
    if light is not None and token.lemma_.lower() in _LIGHT:
        last = max((phrase(child)[1] for child in light.children if child.dep_ == "pobj"), default=last)
    # Cut on the left, since the head stands at the right end.
    return _trimmed(token.doc, (max(first, last - MAX_PHRASE_TOKENS), last))


def is_pronoun(token: Token) -> bool:
    """Whether a token stands for a name instead of being one."""
    return token.pos_ in ("PRON", "DET") or token.tag_ in ("WP", "WDT", "PRP", "EX")


def is_denied(token: Token) -> bool:
    """Whether the sentence denies a token: "not Ada", "no mill", "neither Tom nor Ada", "nobody"."""
    denied = any(
        child.dep_ == "neg" or (child.dep_ in ("det", "preconj") and child.lower_ in _NO) for child in token.children
    )
    # In "neither Tom nor Ada" the word that denies depends on Tom alone.
    either = token.dep_ == "conj" and token.head.pos_ in _NOUNS and _alternative(token)
    return denied or token.lower_ in _NOBODY or (either and is_denied(token.head))


def _alternative(token: Token) -> bool:
    """Whether "nor" or "or" joins a token to the one before."""
    return any(child.dep_ == "cc" and child.lower_ in ("nor", "or") for child in token.head.children)


def _entity_at(token: Token) -> Range | None:
    # Of ordinals, cardinals and times the recogniser's span is no better than the phrase.
    if token.ent_type_ in ("", *_VALUES - {"DATE", "MONEY", "QUANTITY", "PERCENT"}):
        return None
    doc = token.doc
    span = next((span for span in doc.ents if span.start <= token.i < span.end), None)
    if span is None or span.end - span.start > MAX_PHRASE_TOKENS:
        return None
    first = span.start
    while first > 0 and doc[first - 1].dep_ == "compound" and doc[first - 1].pos_ == "PROPN":
        first -= 1  # the parser often sees more of a name than the recogniser
    return _trimmed(doc, (first, span.end))


def _trimmed(doc: Doc, tokens: Range) -> Range:
    """A range without articles, pronouns and punctuation at its ends; at least one token is left."""
    first, last = tokens
    while last - first > 1 and (doc[first].pos_ in _OUTSIDE or doc[first].lower_ in ("the", "a", "an")):
        first += 1
    while (
        last - first > 1 and doc[last - 1].pos_ in ("PUNCT", "PART", "SPACE") and doc[last - 1].text not in (")", ".")
    ):
        last -= 1
    return first, last


def _overlap(one: Range, other: Range) -> bool:
    return one[0] < other[1] and other[0] < one[1]


class _StatementExtractor:
    """Finds the statements of one sentence, token by token of its tree."""

    def __init__(self, doc: Doc) -> None:
        self.doc = doc

    def statements_at(self, token: Token) -> Iterator[Statement]:
        """Statements whose relation depends on this token."""
        if token.pos_ in ("VERB", "AUX") and token.dep_ not in ("aux", "auxpass"):
            yield from self._verb(token)
        elif token.pos_ in _NOUNS:
            yield from self._noun(token)

    def _verb(self, verb: Token) -> Iterator[Statement]:
        # An adjective as a subject is a parser's error more often than not.
        subjects = [subject for subject in self._subjects(verb) if subject.pos_ != "ADJ"]
        relation = _relation(verb)
        for subject in subjects:
            for words, end in self._objects(verb):
                yield from self._state(subject, f"{relation} {words}".strip(), end, verb)
        if verb.lemma_ == "be":
            yield from self._offices(verb, subjects, relation)

    def _offices(self, verb: Token, subjects: list[Token], relation: str) -> Iterator[Statement]:
        """A common noun in the relation: "the capital of Greece is Athens" gives Greece | capital is | Athens."""
        attributes = [child for child in verb.children if child.dep_ == "attr" and not _is_common(child)]
        holders = [holder for attribute in attributes for holder in _conjuncts(attribute)]
        for office in subjects:
            if holders and _is_common(office):
                words = self._words(office).removeprefix("whose ")
                for owner in self._owners(office, verb):
                    for holder in holders:
                        yield from self._state(owner, f"{words} {relation}", holder, verb)

    def _owners(self, office: Token, verb: Token) -> Iterator[Token]:
        """The owners of an office: "of Greece", or the noun of a relative clause: "Greece, whose capital is Athens"."""
        for child in office.children:
            if child.dep_ == "prep" and child.lower_ == "of":
                yield from (end for _, end in _prepositional("", child))
        if verb.dep_ == "relcl" and any(token.lower_ in ("whose", "where") for token in verb.subtree):
            yield verb.head

    def _objects(self, verb: Token) -> Iterator[tuple[str, Token]]:
        """The objects of a verb: words that join the relation, and the object's head."""
        if any(child.dep_ in _OBJECTS and is_denied(child) for child in verb.children):
            return  # of "owns no mill in Torsby" nothing in Torsby is owned
        carried = ""  # "lay eggs | on | host plants": a common noun goes with its verb
        for child in verb.children:
            if child.dep_ in _PREPOSITIONS or (child.dep_ == "dative" and child.pos_ == "ADP"):
                yield from _prepositional(carried, child)
            elif child.dep_ in _OBJECTS and not is_pronoun(child):
                carried = self._words(child) if child.dep_ == "dobj" and _is_common(child) else ""
                carried = carried if len(carried.split()) <= MAX_CARRIED_WORDS else ""
                for object_ in _conjuncts(child):
                    yield "", object_
                    yield from self._through(object_)
            elif child.dep_ == "acomp":
                yield from self._complement(child)
            elif child.dep_ == "npadvmod" and child.ent_type_ in _VALUES:
                yield "", child

    def _through(self, object_: Token) -> Iterator[tuple[str, Token]]:
        """The ends behind a common noun: "plays a role | in | pollination", "was president of | Zambia"."""
        if _is_common(object_):
            words = self._words(object_)
            for child in object_.children:
                if child.dep_ == "prep" and not (child.lower_ == "of" and object_.lemma_.lower() in _LIGHT):
                    yield from _prepositional(words, child)

    def _words(self, noun: Token) -> str:
        return str(self.doc[slice(*phrase(noun))].text).lower()

    def _complement(self, adjective: Token) -> Iterator[tuple[str, Token]]:
        """An adjective: "is | round", or with its preposition "is essential | for | survival"."""
        prepositions = [child for child in adjective.children if child.dep_ == "prep"]
        for child in prepositions:
            yield from _prepositional(adjective.lower_, child)
        if not prepositions:
            yield from (("", conjunct) for conjunct in _conjuncts(adjective))

    def _subjects(self, verb: Token, depth: int = 0) -> list[Token]:
        """Heads of the noun phrases that do what the verb says."""
        own_subjects = [child for child in verb.children if child.dep_ in _SUBJECTS]
        if own_subjects:
            if verb.dep_ == "relcl" and own_subjects[0].lower_ in _RELATIVE:
                return self._antecedents(verb.head)
            return [head for subject in own_subjects for head in _conjuncts(subject)]
        # Below, a verb without subject takes that of the verb it depends on; six steps up end a broken parse.
        if depth > 6 or verb.dep_ not in _CLAUSES:
            return []
        # "a mill built in 1902", "a man owning mills": the noun does it; of "a plan to leave" nobody does yet.
        if verb.dep_ == "acl":
            return self._antecedents(verb.head) if verb.tag_ in ("VBN", "VBG") else []
        # "asked Ada to sell the mill": the object of the verb above is the subject.
        if verb.dep_ == "xcomp":
            controller = [child for child in verb.head.children if child.dep_ == "dobj"]
            if controller:
                return _conjuncts(controller[0])
        # A finite clause without subject ("as reported") has none in the sentence.
        if verb.dep_ in ("advcl", "ccomp") and verb.tag_ not in ("VBG", "VBN", "VB"):
            return []
        governor = verb.head.head if verb.dep_ == "pcomp" else verb.head
        return self._subjects(governor, depth + 1) if governor.pos_ in ("VERB", "AUX") else []

    def _antecedents(self, noun: Token) -> list[Token]:
        """The subjects of a relative clause: for "Ada was a chemist who …" Ada, else the noun itself."""
        if noun.dep_ == "attr" and noun.head.lemma_ == "be":
            return self._subjects(noun.head) or [noun]
        return [noun] if noun.pos_ in _NOUNS else []

    def _noun(self, noun: Token) -> Iterator[Statement]:
        # What follows a common noun that is an object went to the verb already: "plays a role | in | pollination".
        joins_verb = noun.dep_ in _OBJECTS and _is_common(noun)
        for child in noun.children:
            if child.dep_ == "prep" and not joins_verb:
                if child.lower_ == "of" and noun.lemma_.lower() in _LIGHT:
                    continue
                for words, end in _prepositional("", child):
                    yield from self._state(noun, words, end, noun)
            elif child.dep_ == "appos" and child.ent_type_ not in _VALUES:
                # "Lund, Sweden" is a place in another, "Ada Lorne, a chemist" is one thing under two names.
                both_places = noun.ent_type_ in _PLACES and child.ent_type_ in _PLACES
                yield from self._state(noun, "in" if both_places else "is", child, noun)
                for words, end in self._through(child):
                    yield from self._state(noun, f"is {words}", end, noun)
            elif child.dep_ == "poss" and child.pos_ in ("NOUN", "PROPN"):
                for owner in _conjuncts(child):
                    yield from self._state(owner, "has", noun, noun)

    def _state(self, subject: Token, relation: str, object_: Token, verb: Token) -> Iterator[Statement]:
        if is_denied(subject) or is_denied(object_):
            return
        if relation and object_.pos_ in _NOMINAL and object_.lower_ not in _EMPTY:
            yield Statement(phrase(_counted(subject)), relation, phrase(_counted(object_)), verb.i)


def _counted(token: Token) -> Token:
    """The things that a word counts: "the mills" for "one" in "one of the mills"."""
    if token.lower_ in _EMPTY:
        for child in token.children:
            if child.dep_ == "prep" and child.lower_ == "of":
                return next((object_ for object_ in child.children if object_.dep_ == "pobj"), token)
    return token


def _is_common(noun: Token) -> bool:
    """Whether a noun names no thing by itself, so that the words after it join the relation: "president of"."""
    return noun.pos_ in ("NOUN", "PROPN") and noun.ent_type_ in ("", "ORDINAL", "CARDINAL")


def _prepositional(words: str, preposition: Token) -> Iterator[tuple[str, Token]]:
    """A preposition's objects, and those of the preposition behind it ("from flower to flower")."""
    relation = f"{words} {preposition.lower_}".strip()
    if preposition.lower_ in ("-", "–"):
        return
    for child in preposition.children:
        if child.dep_ == "pobj" and child.lemma_.lower() not in _LEADING.get(preposition.lower_, ()):
            for object_ in _conjuncts(child):
                yield relation, object_
                if _is_common(object_):  # "the town of Torsby", "the club Harrow Rovers"
                    yield from _named(relation, object_)
        elif child.dep_ == "prep":
            yield from _prepositional(relation, child)


def _named(relation: str, noun: Token) -> Iterator[tuple[str, Token]]:
    """The name behind a common noun, in apposition or after "of"."""
    for child in noun.children:
        if child.dep_ == "appos" and child.pos_ == "PROPN":
            yield relation, child
        elif child.dep_ == "prep" and child.lower_ == "of" and noun.lemma_.lower() not in _LIGHT:
            for end in child.children:
                if end.dep_ == "pobj" and end.pos_ == "PROPN":
                    yield f"{relation} {noun.lower_} of", end


def _conjuncts(token: Token) -> list[Token]:
    """The token and those that "and" or "or" joins to it; parts of one name ("Marrow & Finch") are not joined."""
    conjuncts = [token]
    first, last = phrase(token)
    for child in token.children:
        if child.dep_ == "conj" and child.pos_ in _NOMINAL and not first <= child.i < last:
            conjuncts += _conjuncts(child)
    return conjuncts


def _relation(verb: Token) -> str:
    """The verb with its auxiliaries, negation and particle, and what leads to it: "began to work", "ended by selling".

    A verb behind "and" or "or" shares the auxiliaries and the negation of the one before, behind "but" neither.
    """
    parts = [child for child in verb.children if child.dep_ in (*_AUXILIARIES, "prt") or _negates(child)]
    relation = " ".join(token.lower_ for token in sorted([*parts, verb], key=lambda token: token.i))
    if verb.dep_ == "xcomp" and verb.head.pos_ == "VERB" and not any(c.dep_ == "dobj" for c in verb.head.children):
        return f"{_relation(verb.head)} {relation}"
    if verb.dep_ == "pcomp" and verb.head.head.pos_ in ("VERB", "AUX"):
        return f"{_relation(verb.head.head)} {verb.head.lower_} {relation}"
    if verb.dep_ == "conj" and verb.tag_ in ("VB", "VBN") and not any(c.dep_ in _AUXILIARIES for c in verb.children):
        is_contrast = any(child.dep_ == "cc" and child.lower_ in ("but", "yet") for child in verb.head.children)
        shared = [
            child.lower_
            for child in verb.head.children
            if child.i < verb.head.i and (child.dep_ in _AUXILIARIES or (_negates(child) and not is_contrast))
        ]
        relation = " ".join([*shared, relation])
    return relation


def _negates(token: Token) -> bool:
    return token.dep_ == "neg" or (token.dep_ == "advmod" and token.lower_ in _NEGATING)
