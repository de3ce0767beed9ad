"""Korean names without what sticks to them: "이순신은" is the name 이순신 and a particle.

Kiwi (`kiwipiepy`, an extra of its own since its model takes 105 MB) reads a sentence into morphemes. It is opened on
first use; one copy serves all threads. Search needs none of this: its pairs of syllables find a noun whatever follows.

    names("이순신은 서울에서 태어났다.")    # [(0, 3), (5, 7)]

Source: Lee, Kiwi: a Korean morphological analyser, 2024 (tags of the Sejong corpus).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Container, Sequence
from functools import cache, lru_cache
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING

from kg.language.spans import Span
from kg.language.words import is_hangul
from models.errors import InputError

if TYPE_CHECKING:
    from kiwipiepy import Kiwi, Token

_PACKAGE = "kiwipiepy"
_PROPER = "NNP"
_IN_NAME = ("NNP", "NNG", "XPN", "XSN", "XR", "SL", "SH", "SN", "SW")
"""Tags of what a name may be made of beside a proper noun, without a space: 서울 + 특별시, BBC + 코리아."""
_PLURAL = "들"
_ENDINGS = ("으로", "에서", "에게", *"은는이가을를의과와도로에")
"""Particles that Kiwi may leave at the end of a word that its dictionary lacks; the longer ones come first."""
_BEHIND_CONSONANT, _BEHIND_VOWEL = ("은", "이", "을", "과", "으로"), ("는", "가", "를", "와", "로")
_ALSO_IN_NAMES = ("가", "와", "도", "로", "에", "에서", "에게", "으로")
"""Particles that end many foreign names too (오자와, 카를로, 이노우에)."""
_SURNAMES = frozenset(
    "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선"
    "설마길연위표명기반왕금옥육인맹제모탁국"
)
_KIWI = threading.Lock()


def is_korean(text: str) -> bool:
    """Whether most letters of a text are Korean syllables.

    Example:
        >>> is_korean("서울은 대한민국(Korea)의 수도이다."), is_korean("Seoul (서울)")
        (True, False)
    """
    letters = [character for character in text if character.isalpha()]
    return 2 * sum(map(is_hangul, letters)) > len(letters)


def version() -> str:
    """Version of Kiwi and its model, "" where it is not installed."""
    if find_spec(_PACKAGE) is None:
        return ""
    return f"{metadata.version(_PACKAGE)}-{metadata.version(f'{_PACKAGE}_model')}"


def require() -> None:
    """Check that Korean can be read here.

    Raises:
        InputError: Kiwi is not installed.
    """
    if not version():
        raise InputError(
            "This text is in Korean, and the package that separates Korean particles from names is not installed. "
            "Run pip install 'graftlab[korean]', then the same command again."
        )


def names(text: str) -> list[Span]:
    """Spans of the proper names of a text, in order, without particles.

    A name is a run of nouns without space that has a proper noun in it.

    Raises:
        InputError: Kiwi is not installed.
    """
    found: list[Span] = []
    run: list[Token] = []
    for token in _morphemes(text):
        if run and not (_may_join(token) and run[-1].end == token.start):
            found += _name(run, text)
            run = []
        if _may_join(token):
            run.append(token)
    found += _name(run, text)
    known = {text[start:end] for start, end in found}
    # A name that the text has without its last syllable too: 류승완은 beside 류승완.
    return [(start, end - len(_ending_beside(text[start:end], known))) for start, end in found]


def without_particles(name: str, sentence: str, start: int) -> str:
    """A name without the particles, or the forms of "is", at its end.

    Args:
        name: The name as the sentence writes it.
        sentence: The text around it, by which a particle is told from a last syllable of the name.
        start: Where the name begins in the sentence.
    Returns:
        The name, or the part of it before the particles; never empty.
    Raises:
        InputError: Kiwi is not installed.
    Example:
        >>> without_particles("서울특별시는", "서울특별시는 대한민국의 수도이다.", 0)
        '서울특별시'
        >>> without_particles("김가은", "김가은 씨는 부산에서 태어났다.", 0)
        '김가은'
    """
    end = start + len(name)
    # A name that stops inside a word has lost its particle already: 김가은|은.
    if end < len(sentence) and is_hangul(sentence[end]):
        return name
    inside = [token for token in _morphemes(sentence) if start <= token.start < end]
    kept = list(inside)
    while kept and _is_particle(kept[-1]):
        kept.pop()
    if not kept or kept[-1].end <= start:
        return name
    return sentence[start : min(end, _end(kept, sentence))].rstrip() or name


def _name(run: Sequence[Token], text: str) -> list[Span]:
    return [(run[0].start, _end(run, text))] if any(token.tag == _PROPER for token in run) else []


def _end(run: Sequence[Token], text: str) -> int:
    """Where a run of nouns ends: before a particle that was taken for a part of a word that the dictionary lacks."""
    last = run[-1]
    start, end = int(run[0].start), int(last.end)
    ending = _ending(text[start:end])
    is_word_end = end == len(text) or not is_hangul(text[end])
    if not (ending and is_word_end and (last.oov or last.form == ending)):
        return end
    stem = text[start : end - len(ending)]
    # 현정은 is a surname and two syllables, 김유찬이 is that and a particle.
    is_full_name = len(stem) == 2 and stem[0] in _SURNAMES
    if (is_full_name or ending in _ALSO_IN_NAMES) and not re.search(rf"{re.escape(stem)}(?!{ending})", text):
        return end
    return end - len(ending)


def _ending(word: str) -> str:
    """The particle that a word may end in, by its last syllables; "" where less than two syllables are left."""
    ending = next((ending for ending in _ENDINGS if word.endswith(ending)), "")
    stem = word.removesuffix(ending)
    if len(stem) < 2 or not is_hangul(stem[-1]):
        return ""
    has_final = (ord(stem[-1]) - 0xAC00) % 28 != 0  # syllables are ordered by their final consonant
    return "" if ending in (_BEHIND_VOWEL if has_final else _BEHIND_CONSONANT) else ending


def _ending_beside(name: str, known: Container[str]) -> str:
    ending = _ending(name)
    return ending if ending not in _ALSO_IN_NAMES and name.removesuffix(ending) in known else ""


def _may_join(token: Token) -> bool:
    return token.tag in _IN_NAME and not (token.tag == "XSN" and token.form == _PLURAL)


def _is_particle(token: Token) -> bool:
    # J…: particles; VCP and VCN: "is" and "is not"; E…: endings of a verb.
    return token.tag[0] in "JE" or token.tag in ("VCP", "VCN")


@lru_cache(maxsize=256)
def _morphemes(text: str) -> tuple[Token, ...]:
    require()
    with _KIWI:
        return tuple(_kiwi().tokenize(text))


@cache
def _kiwi() -> Kiwi:
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=1)
