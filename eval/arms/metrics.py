"""Marks one answer, in any script, and makes log-probabilities of options comparable.

Answers are compared as the official scripts of question-answering sets compare them: SQuAD's for English (case,
punctuation and articles do not count), MLQA's for scripts without spaces (every character is a token, every script's
punctuation goes), KorQuAD's for Korean (F1 by syllables). Where SQuAD's script would leave nothing of an answer (the
blood type "A", the band "The The", the sign "?"), the answer is compared as it is.

Every metric returns the value of one item; means are taken in `eval.runs.summary`, over all planned items, so that a
failed item never drops out of a denominator.

Source: Rajpurkar et al., SQuAD, EMNLP 2016; Lewis et al., MLQA, ACL 2020; Lim et al., KorQuAD 1.0, 2019.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import regex

from kg.language.words import PAIRED, fold, is_hangul, is_spaced, units
from models.protocols import OptionScore

Normalisation = Literal["sum", "token", "character", "pmi"]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = regex.compile(rf"(?V1)[\p{{P}}{re.escape(string.punctuation)}]")
# "1 000" with the spaces that group thousands; the usual space separates two numbers.
_THOUSANDS = re.compile("(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_SIGN = "\x00"
"""Stands for a minus sign, which is no punctuation; SQuAD's script strips the hyphen that is typed for it."""
_HYPHEN_AS_SIGN = re.compile(r"(?<![\w-])-(?=\d)")
# A dash between two numbers, which may have a unit or a currency: 1914–1918, 10%-20%, 18일~20일.
_RANGE = regex.compile(r"(?<=\d\s?[%‰°\p{Sc}\p{So}]?\p{L}{0,3})\s?[-‐‑‒–—―−－~〜～]\s?(?=\p{Sc}?\d)")
# A run of signs is tried from its beginning alone: texts have thousands of dots in a row.
_BESIDE_JOINED = regex.compile(rf"(?V1)(?<={PAIRED})\p{{P}}++|(?<!\p{{P}})\p{{P}}++(?={PAIRED})")
_SPACED_LETTER = rf"[[\w\p{{M}}]--{PAIRED}]"
_PARTICLES = """
    은 는 이 가 을 를 의 에 에서 에게 께 께서 한테 로 으로 로서 으로서 로써 으로써 와 과 랑 이랑 도 만 뿐 부터 까지
    마저 조차 처럼 보다 마다 나 이나 란 이란 라는 이라는 라고 이라고 이며 이고 다 이다 입니다 이에요 예요 이었다
    였다 이었습니다 였습니다 인 이었던 였던 이자 에는 에도 에서는 에서도 으로는 로는
"""
"""What may follow a Korean noun in its word: particles, and forms of "is"."""
_BEHIND_SYLLABLE = rf"(?=(?:{'|'.join(_PARTICLES.split())})?(?!\p{{Hangul}}))"
_NO_NOUN = ("is", "was", "has", "had", "and", "or", "because", "since", "for", "in", "of", "on")
"""Words that no article stands before."""


def normalise(text: str) -> str:
    """Folded, no punctuation, no English articles, single spaces; none beside characters of scripts without spaces.

    Articles, and then punctuation, stay where nothing else is left.

    Source: Rajpurkar et al., SQuAD, EMNLP 2016 (its official evaluation script).
    Example:
        >>> normalise("The  Orrin Quay, an old port!"), normalise("北京。"), normalise("The The"), normalise("?")
        ('orrin quay old port', '北京', 'the the', '?')
    """
    plain = _plain(text)
    return _without_articles(plain) or plain or _close_up(fold(text))


@lru_cache(maxsize=1 << 12)
def _plain(text: str) -> str:
    """Folded, without punctuation."""
    text = _THOUSANDS.sub("", text).replace("−", _SIGN)
    return _close_up(_PUNCTUATION.sub("", fold(text)).replace(_SIGN, "−"))


def _without_articles(plain: str) -> str:
    return " ".join(_ARTICLES.sub(" ", plain).split())


def _close_up(text: str) -> str:
    """Single spaces, and none beside a character of a script that writes none; Korean writes spaces."""
    words = text.split()
    if text.isascii() or not words:
        return " ".join(words)
    closed = words[0]
    for word in words[1:]:
        closed += word if _writes_no_space(closed[-1]) or _writes_no_space(word[0]) else f" {word}"
    return closed


def _writes_no_space(character: str) -> bool:
    return not is_spaced(character) and not is_hangul(character)


def _with_signs(text: str) -> str:
    """A text whose hyphens before numbers are minus signs."""
    return _HYPHEN_AS_SIGN.sub("−", text)


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1.0 if the normalised prediction equals one of the accepted answers.

    Example:
        >>> exact_match("the Quay.", ["Quay"]), exact_match("a quay wall", ["Quay"]), exact_match("The", ["A"])
        (1.0, 0.0, 0.0)
    """
    return float(any(_equal(prediction, answer) for answer in answers))


def _equal(prediction: str, answer: str) -> bool:
    plain = normalise(prediction) == normalise(answer)
    # SQuAD's script takes "-5" for "5"; "−5" is "-5" alone.
    return plain or (
        "−" in prediction + answer and normalise(_with_signs(prediction)) == normalise(_with_signs(answer))
    )


def contains(prediction: str, answers: Sequence[str]) -> float:
    """1.0 if the prediction contains an accepted answer as whole words, in scripts without spaces as characters.

    A range of numbers contains its two ends. A Korean answer begins a word, and particles may follow it.

    Example:
        >>> contains("It opened in 2031.", ["2031"]), contains("It opened in 20310", ["2031"])
        (1.0, 0.0)
        >>> contains("1914–1918", ["1918"]), contains("答案是北京。", ["北京"]), contains("It was A.", ["A"])
        (1.0, 1.0, 1.0)
    """
    return float(any(_equal(prediction, answer) or _holds(prediction, answer) for answer in answers))


def _holds(prediction: str, answer: str) -> bool:
    plain = _plain(answer)
    if not answer.strip():
        return False
    if not plain:
        return _holds_signs(fold(prediction), fold(answer).strip())
    if not _without_articles(plain):
        return _holds_articles(prediction, answer)
    pairs = [(_without_articles(_plain(prediction)), _without_articles(plain))]
    # Only now ranges are divided and signs kept: SQuAD's script joins "1914-1918" to one word.
    pairs += [(_parts(change(prediction)), _parts(change(answer))) for change in (str, _with_signs)]
    return any(_has_words(text, whole) for text, whole in dict.fromkeys(pairs) if whole)


def _has_words(text: str, answer: str) -> bool:
    """Whether a normalised text has a normalised answer as whole words."""
    if text.isascii() and answer.isascii():
        # Spaces around both make a substring test one of whole words.
        return f" {answer} " in f" {text} "
    return _pattern(answer).search(text) is not None


def _parts(text: str) -> str:
    """A text as `normalise` gives it, with spaces in ranges, and for punctuation beside letters of joined scripts."""
    text = _RANGE.sub(" ", _THOUSANDS.sub("", text)).replace("−", _SIGN)
    bare = _PUNCTUATION.sub("", _BESIDE_JOINED.sub(" ", fold(text))).replace(_SIGN, "−")
    return _without_articles(bare)


@lru_cache(maxsize=1 << 10)
def _pattern(answer: str) -> regex.Pattern[str]:
    """A normalised answer as whole words."""
    parts = units(answer)
    first, last = parts[0][0], parts[-1][0]
    between = [" " if is_spaced(one[0]) and is_spaced(other[0]) else " ?" for one, other in pairwise(parts)]
    text = "".join(regex.escape(part) + space for part, space in zip(parts, [*between, ""], strict=True))
    start = _edge(first, "(?<!", "")
    end = _edge(last, "(?!", _BEHIND_SYLLABLE if len(parts) == 1 else "")
    return regex.compile(rf"(?V1){start}{text}{end}(?!\p{{M}})")


def _edge(character: str, look: str, behind_syllable: str) -> str:
    """What may not stand beside a word that begins or ends with a character."""
    if is_spaced(character):
        sign = "(?<!−)" if look == "(?<!" and character.isdigit() else ""
        return rf"{look}{_SPACED_LETTER}){sign}" if character.isalnum() else ""
    if is_hangul(character):
        return behind_syllable if look == "(?!" else rf"{look}\p{{Hangul}})"
    # Unicode keeps a run of katakana together (UAX #29, rule WB13).
    return rf"{look}[\p{{Katakana}}ー])" if regex.match(r"[\p{Katakana}ー]", character) else ""


def _holds_signs(prediction: str, answer: str) -> bool:
    """Whether a prediction has an answer of signs alone: not in a word, not as one of several equal signs."""
    beside = rf"[\w{re.escape(answer[0])}{re.escape(answer[-1])}]"
    return re.search(rf"(?<!{beside}){re.escape(answer)}(?!{beside})", prediction) is not None


def _holds_articles(prediction: str, answer: str) -> bool:
    """Whether a prediction has an answer that is made of articles, other than as the article of a word behind it."""
    pattern = r"\W+".join(map(re.escape, re.findall(r"\w+", answer)))
    matches = re.finditer(rf"(?<!\w){pattern}(?!\w)", prediction, re.IGNORECASE)
    return any(" " in answer.strip() or _is_no_article(match) for match in matches)


def _is_no_article(match: re.Match[str]) -> bool:
    behind = re.match(r"\s+([a-z]\w*)", match.string[match.end() :])
    if behind is None or behind[1] in _NO_NOUN:
        return True
    # "Type A blood", but not "A dog bit him."
    before = match.string[: match.start()].rstrip()
    return match[0][0].isupper() and bool(before) and before[-1] not in ".!?:"


def f1(prediction: str, answers: Sequence[str]) -> float:
    """Largest token F1 of the prediction with an accepted answer, in [0, 1].

    Source: Rajpurkar et al., SQuAD, EMNLP 2016.
    Example:
        >>> round(f1("Maren Oskevald", ["Oskevald"]), 3), f1("答案是北京。", ["北京"])
        (0.667, 0.5714285714285714)
    """
    return max((_f1(prediction, answer) for answer in answers), default=0.0)


def _f1(prediction: str, answer: str) -> float:
    return 1.0 if _equal(prediction, answer) else _token_f1(*_tokens(prediction, answer))


def _tokens(prediction: str, answer: str) -> tuple[list[str], list[str]]:
    """Tokens of a prediction and of an answer; by what is left of the answer, articles and signs count in both."""
    texts = [_plain(prediction), _plain(answer)]
    if _without_articles(texts[1]):
        texts = [_without_articles(text) for text in texts]
    elif not texts[1]:
        texts = [fold(prediction), fold(answer)]
    # KorQuAD's script compares all characters, those of Latin words and of numbers too.
    tokens = _characters if any(map(is_hangul, texts[1])) else units
    return tokens(texts[0]), tokens(texts[1])


def _characters(text: str) -> list[str]:
    return [character for character in text if not character.isspace()]


def _token_f1(predicted: Iterable[str], gold: Iterable[str]) -> float:
    predicted_counts, gold_counts = Counter(predicted), Counter(gold)
    # Two empty texts are equal; an empty one against a text shares nothing.
    if not predicted_counts or not gold_counts:
        return float(predicted_counts == gold_counts)
    # Multiset intersection: a token that is repeated counts as often as both have it.
    common = (predicted_counts & gold_counts).total()
    return 2 * common / (predicted_counts.total() + gold_counts.total())


ANSWER_METRICS: dict[str, Callable[[str, Sequence[str]], float]] = {
    "exact_match": exact_match,
    "f1": f1,
    "contains": contains,
}


def normalised_scores(
    options: Sequence[OptionScore], normalisation: Normalisation, neutral: Sequence[OptionScore] = ()
) -> tuple[float, ...]:
    """Make the scores of options of unequal length, or of unequal frequency, comparable.

    The log-probability of an option is a sum over its tokens, each below 0, so a longer option scores lower whatever
    it says. "token" divides the sum by the number of tokens, "character" by the number of characters, which does not
    depend on the tokeniser. "pmi" is log p(option | prompt) - log p(option | neutral prompt), so that a phrase which a
    model finds likely anywhere has no advantage.

    Args:
        options: Log-probabilities (natural logarithm) of an item's options.
        normalisation: "sum" changes nothing; the others are explained above.
        neutral: For "pmi": log-probabilities of the same options after a prefix without question or evidence.
    Returns:
        A score an option, in the same order; only their order within one item has a meaning.
    Source: Gao, "Multiple choice normalization in LM evaluation", 2021; Holtzman et al., "Surface form competition",
        EMNLP 2021, equation 3 (domain-conditional pointwise mutual information).
    Example:
        >>> normalised_scores([OptionScore(-6.0, 3, 12), OptionScore(-5.0, 1, 4)], "token")
        (-2.0, -5.0)
        >>> normalised_scores([OptionScore(-6.0, 3, 12), OptionScore(-5.0, 1, 4)], "character")
        (-0.5, -1.25)
        >>> normalised_scores([OptionScore(-6.0, 3, 12)], "pmi", [OptionScore(-9.0, 3, 12)])
        (3.0,)
    """
    if normalisation == "sum":
        return tuple(option.logprob for option in options)
    if normalisation == "token":
        return tuple(option.logprob / max(option.tokens, 1) for option in options)
    if normalisation == "character":
        return tuple(option.logprob / max(option.characters, 1) for option in options)
    return tuple(option.logprob - base.logprob for option, base in zip(options, neutral, strict=True))


def best_option(scores: Sequence[float]) -> int:
    """Index of the highest score; the first of equal scores.

    Raises:
        ValueError: There is no score, or one is not a number.
    Example:
        >>> best_option([-2.0, -1.0, -1.0])
        1
    """
    if not scores or any(math.isnan(score) for score in scores):
        raise ValueError(f"Expected one or more scores that are numbers, got {list(scores)}.")
    return max(range(len(scores)), key=lambda index: (scores[index], -index))
