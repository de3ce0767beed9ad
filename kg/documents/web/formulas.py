"""Raised and lowered characters, and formulas on one line: of web pages (MathML) and of office documents.

Text alone would read a half as "12" and a square as "x2". Fractions get a slash, roots their sign, and what stands
higher or lower is raised or lowered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_FRACTIONS = ("mfrac", "f")
_RAISED = ("msup", "sSup")
_LOWERED = ("msub", "munder", "sSub", "limLow")
_BOTH = ("msubsup", "munderover", "sSubSup")
_ROOTS = ("msqrt", "mroot", "rad")
_BRACKETS = ("mfenced", "d")
_SUPERSCRIPTS = dict(
    zip("0123456789+-−=()abcdefghijklmnoprstuvwxyz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True)
)
_SUBSCRIPTS = dict(zip("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
_BETWEEN = {"mtr": " ", "mr": " ", "mtable": "; ", "m": "; "}


def formula_text(root: _Element) -> str:
    """A formula on one line.

    Args:
        root: Element of MathML or of Office Math.

    Example:
        >>> from lxml.etree import fromstring
        >>> formula_text(fromstring("<math><mfrac><mi>a</mi><mn>2</mn></mfrac></math>"))
        'a/2'
    """
    from lxml.etree import iterwalk

    waiting: list[list[str]] = [[]]
    for event, element in iterwalk(root, events=("start", "end")):
        name = str(element.tag).rpartition("}")[2]
        if event == "start":
            waiting.append([own] if (own := " ".join((element.text or "").split())) else [])
            continue
        parts = waiting.pop()
        if not name.endswith("Pr"):  # how a part of Office Math looks
            waiting[-1].append(_written(name, parts))
        if element is not root and (after := " ".join((element.tail or "").split())):
            waiting[-1].append(after)
    return "".join(waiting[0])


def _written(name: str, parts: Sequence[str]) -> str:
    if name in _FRACTIONS and len(parts) == 2:
        return f"{_grouped(parts[0])}/{_grouped(parts[1])}"
    if name in _RAISED and len(parts) == 2:
        return parts[0] + _moved(parts[1], "sup")
    if name in _LOWERED and len(parts) == 2:
        return parts[0] + _moved(parts[1], "sub")
    if name in _BOTH and len(parts) == 3:
        return parts[0] + _moved(parts[1], "sub") + _moved(parts[2], "sup")
    if name in _ROOTS and parts:
        # MathML has the degree last, Office Math has it first.
        degree = "" if name == "msqrt" or len(parts) != 2 else parts[name == "mroot"]
        base = "".join(parts) if name == "msqrt" or len(parts) != 2 else parts[name == "rad"]
        return (_moved(degree, "sup") if degree else "") + "√" + _grouped(base)
    if name in _BRACKETS:
        return f"({', '.join(parts)})"
    if name in (*_FRACTIONS, *_RAISED, *_LOWERED, *_BOTH):
        return " ".join(parts)  # a part is missing, so that the others have no place
    return _BETWEEN.get(name, "").join(parts)


def _grouped(text: str) -> str:
    return text if text.isalnum() or len(text) == 1 else f"({text})"


def _moved(text: str, tag: str) -> str:
    moved = shifted(text, tag)
    if moved != text or not text.isalnum():
        return moved
    return f"{'^' if tag == 'sup' else '_'}({text})"  # letters without a raised form: "min"


def shifted(text: str, tag: str) -> str:
    """Text of a <sup> or <sub>, in raised or lowered characters where Unicode has all of them.

    Example:
        >>> "10" + shifted("3", "sup"), "H" + shifted("2", "sub") + "O", "2" + shifted("1/2", "sup")
        ('10³', 'H₂O', '2^(1/2)')
    """
    shown = text.strip()
    letters = len(shown) > 1 and shown.isascii() and shown.isalpha()
    if len(shown) > 12 or " " in shown or (tag == "sup" and (letters or shown.startswith("["))):
        return text  # 1<sup>st</sup>, M<sup>me</sup>, a footnote's number, a remark
    if not set(shown) - (_SUPERSCRIPTS if tag == "sup" else _SUBSCRIPTS).keys():
        return "".join(map((_SUPERSCRIPTS if tag == "sup" else _SUBSCRIPTS).__getitem__, shown))
    sign = "^" if tag == "sup" else "_"
    return f"{sign}{shown}" if len(shown) == 1 or shown.isalpha() else f"{sign}({shown})"
