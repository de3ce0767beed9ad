"""When two different names may mean one thing, by their words alone.

`kg.resolution.match` requires more (the same kind of thing, near embeddings or one document) before names are merged.
All names here are normalised (see `kg.language.text.normalise_name`): lower case, single spaces, no leading article.
"""

from __future__ import annotations

from kg.language.words import is_mark, search_form

_TITLE_WORDS = """
    mr mrs ms miss mx dr prof professor sir dame lord lady captain capt major colonel general admiral sergeant
    mayor president minister senator governor judge justice rev reverend
"""
_LEGAL_WORDS = """
    ltd limited inc incorporated corp corporation co company plc llc llp gmbh ag sa srl bv nv ab oy as group holding
    holdings
"""
_SMALL_WORDS = "of the and for in on at to de la le du des der die das und y e"
_TITLES, _LEGAL, _SMALL = (frozenset(words.split()) for words in (_TITLE_WORDS, _LEGAL_WORDS, _SMALL_WORDS))
_IRREGULAR_PLURALS = """
    men:man women:woman children:child feet:foot teeth:tooth geese:goose mice:mouse lice:louse oxen:ox wolves:wolf
    lives:life wives:wife knives:knife leaves:leaf halves:half shelves:shelf thieves:thief calves:calf hooves:hoof
    loaves:loaf selves:self bacteria:bacterium phenomena:phenomenon criteria:criterion mitochondria:mitochondrion
    fungi:fungus nuclei:nucleus alveoli:alveolus bronchi:bronchus stimuli:stimulus radii:radius cacti:cactus
    larvae:larva pupae:pupa vertebrae:vertebra antennae:antenna algae:alga axes:axis analyses:analysis
    hypotheses:hypothesis theses:thesis crises:crisis diagnoses:diagnosis synapses:synapse indices:index
    vertices:vertex matrices:matrix appendices:appendix movies:movie species:species series:series
"""
_PLURALS = dict(pair.split(":") for pair in _IRREGULAR_PLURALS.split())
_SINGULARS = "news means physics mathematics economics politics lens gas bias atlas chaos canvas"
_NO_PLURALS = frozenset(_SINGULARS.split())
# Longer endings come first, since the first one that fits is replaced.
_ENDINGS = (
    *(("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("zzes", "zz")),
    *(("ies", "y"), ("oes", "o"), ("s", "")),
)


def core(name: str, is_person: bool) -> tuple[str, ...]:
    """The words of a name without titles (people) or legal forms (all else); all words if nothing remains.

    Example:
        >>> core("dr. ada lorne", True), core("marrow & finch ltd", False)
        (('ada', 'lorne'), ('marrow', 'finch'))
    """
    stripped = [token.strip(".,&()'\"") for token in name.split()]
    words = tuple(filter(None, stripped))
    if is_person:
        kept = words
        while kept and kept[0] in _TITLES:
            kept = kept[1:]
    else:
        kept = tuple(word for word in words if word not in _LEGAL)
    return kept or words  # "The Company" is all legal form, and still a name


def squash(words: tuple[str, ...]) -> str:
    """Words as one run of plain letters and digits, to compare "Salt-Marsh", "Saltmarsh" and "Sältmarsh".

    Vowel signs are letters: "मेला" and "माला" differ.

    Example:
        >>> squash(("salt-märsh",))
        'saltmarsh'
    """
    return "".join(letter for letter in search_form("".join(words)) if letter.isalnum() or is_mark(letter))


def alike(one: tuple[str, ...], other: tuple[str, ...], is_person: bool) -> bool:
    """Whether two cores could be spellings of one name: same letters, plural, one typing error, or a part.

    Two full names of people are never alike unless their letters are the same; numbers must agree.

    Example:
        >>> alike(("oune", "barrage"), ("oune", "barrage", "project"), False)
        True
        >>> alike(("ada", "lorne"), ("ida", "lorne"), True), alike(("line", "4"), ("line", "5"), False)
        (False, False)
    """
    if squash(one) == squash(other):
        return True
    if is_person or _numbers(one) != _numbers(other):
        return False
    if len(one) == len(other):
        pairs = [(word, other_word) for word, other_word in zip(one, other, strict=True) if word != other_word]
        return len(pairs) == 1 and _same_word(*pairs[0])
    # A part must have two words: "oune" alone may be the lake, the barrage or the town.
    short, long = sorted((one, other), key=len)
    return len(short) >= 2 and short in (long[: len(short)], long[-len(short) :])


def singular(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words with their head in the singular: the last one, or the one before the first "of".

    For comparing, not for showing: what it makes of a word that is no plural may be no word.

    Example:
        >>> singular(("life", "cycles")), singular(("stages", "of", "life")), singular(("larvae",))
        (('life', 'cycle'), ('stage', 'of', 'life'), ('larva',))
    """
    if not words:
        return words
    head = words.index("of") - 1 if "of" in words[1:] else len(words) - 1
    return (*words[:head], _singular_word(words[head]), *words[head + 1 :])


def _singular_word(word: str) -> str:
    if word in _PLURALS:
        return _PLURALS[word]
    # "1970s" is ten years, not several 1970; words of three letters ("gas", "bus") mostly end so in the singular.
    if len(word) < 4 or not word[-2].isalpha() or word.endswith(("ss", "us", "is")) or word in _NO_PLURALS:
        return word
    for ending, replacement in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word[: len(word) - len(ending)] + replacement
    return word


def is_initialism(short: tuple[str, ...], full: tuple[str, ...]) -> bool:
    """Whether `short` is one word of the initials of `full`.

    Example:
        >>> is_initialism(("uno",), ("united", "nations", "organisation"))
        True
        >>> is_initialism(("df",), ("day", "of", "fog"))
        True
    """
    if len(short) != 1 or len(full) < 2 or not 2 <= len(short[0]) <= 8:
        return False
    return short[0].replace(".", "") in initials_of(full)


def initials_of(words: tuple[str, ...]) -> set[str]:
    """The one-word forms that `is_initialism` would take for these words."""
    return {"".join(word[0] for word in words), "".join(word[0] for word in words if word not in _SMALL)}


def _numbers(words: tuple[str, ...]) -> list[str]:
    return [word for word in words if has_digit(word)]


def has_digit(text: str) -> bool:
    """Whether there is a digit in a text, so that it may be a number or a date."""
    return any(character.isdigit() for character in text)


def _same_word(one: str, other: str) -> bool:
    """Singular and plural, or one typing error in a long word."""
    short, long = sorted((one, other), key=lambda word: (len(word), word))
    if long in (f"{short}s", f"{short}es"):
        return len(short) >= 3
    return len(short) >= 7 and _one_edit(short, long)


def _one_edit(short: str, long: str) -> bool:
    """Whether one letter put in, changed or swapped with its neighbour makes `short` into `long`."""
    if len(long) - len(short) > 1:
        return False
    # All that counts is what follows the first letter that differs.
    at = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    is_swap = short[at : at + 2][::-1] == long[at : at + 2] and short[at + 2 :] == long[at + 2 :]
    return is_swap or short[at + 1 :] == long[at + 1 :]
