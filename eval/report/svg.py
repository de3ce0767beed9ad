"""Turns a matplotlib figure into SVG for a page: small, with the page's own font and colours, no ids that clash, no
reference to anything outside, and the same bytes for the same figure.

Colours are names here. `INK`, `MUTED`, … are placeholders that become CSS variables of the page, so that one
drawing serves a light page, a dark page and paper; `arm_colour` gives the placeholder of an arm's slot.

    with drawing("accuracy", 480, 200) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        svg = to_svg(figure, "accuracy", "Accuracy", "rag 71 %, lora 50 %")
"""

from __future__ import annotations

import html
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

INK, MUTED, RULE, CARD, HEAT = "#000001", "#000002", "#000003", "#000004", "#000005"
FONT_PX = 11.5
WIDTH = 480.0
ROW = 25.0
NAME = 28
"""Width of a plot and height of a row in pixels; maximum number of characters of a name in a drawing."""

_VARIABLES = {INK: "--ink", MUTED: "--muted", RULE: "--rule", CARD: "--card", HEAT: "--heat"}
_RC = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": FONT_PX,
    "figure.dpi": 72,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 11,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": FONT_PX,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with its title and caption.

    Attributes:
        name: Identifier, unique on the page.
        title: Heading.
        caption: How to read the plot, in a sentence or two.
        svg: The drawing.
        height: Height in pixels, at a width of `WIDTH`.
    """

    name: str
    title: str
    caption: str
    svg: str
    height: float


def arm_colour(slot: int) -> str:
    """Placeholder of the colour `--arm-SLOT`; slots 0 to 255.

    Example:
        >>> arm_colour(10)
        '#00010a'
    """
    return f"#0001{slot:02x}"


def plain(text: str, limit: int = 60) -> str:
    """Text fit for a drawing: no control characters, one line, at most `limit` characters.

    Example:
        >>> plain("a very long kind of question", 12)
        'a very long…'
    """
    line = " ".join(_CONTROL.sub("\ufffd", text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


@contextmanager
def drawing(name: str, width: float, height: float) -> Iterator[Any]:
    """Open a figure of `width` × `height` pixels, with settings that the user's own matplotlibrc cannot change.

    The name is the salt of its ids. No window and no global figure is made: pyplot is not used.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        # The reader's browser has the glyphs; the font that only measures here may not.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_RC, "svg.hashsalt": f"graft-{name}"})
        yield Figure(figsize=(width / 72, height / 72), dpi=72, facecolor="none")


def to_svg(figure: Any, name: str, title: str, description: str) -> str:
    """Write a figure as inline SVG; call it inside `drawing`.

    Args:
        figure: The figure.
        name: Prefix of every id in it; unique on the page.
        title: What the plot shows, for people who cannot see it.
        description: Its numbers in words, for the same people.
    Returns:
        An `svg` element with title and description, scaled by its view box.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return _inline(buffer.getvalue(), name, title, description)


def _inline(text: str, name: str, title: str, description: str) -> str:
    text = text[text.index("<svg") :]
    # Metadata has the version of matplotlib: another one would give other bytes for the same figure.
    text = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    # Ids are kept only if something refers to them, with the plot's name before them.
    used = set(re.findall(r'(?:href="|url\()#([\w.-]+)', text))
    text = re.sub(r"<[^>]*>", lambda tag: _tag(tag.group(), name, used), text)
    text = re.sub(r">\s+<", "><", text)
    size = re.search(r'viewBox="[\d. ]+"', text)
    box = size.group() if size else ""
    head = (
        f'<svg role="img" {box} aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{html.escape(title)}</title><desc id="{name}-desc">{html.escape(description)}</desc>'
    )
    return head + text[text.index(">") + 1 :].strip()


def _tag(tag: str, name: str, used: set[str]) -> str:
    """One tag without ids that nothing refers to, with the page's variables for colours."""
    tag = re.sub(r' id="([\w.-]+)"', lambda m: f' id="{name}-{m.group(1)}"' if m.group(1) in used else "", tag)
    tag = re.sub(r'(?:xlink:)?href="#', f'href="#{name}-', tag).replace("url(#", f"url(#{name}-")
    tag = re.sub(r" font-family: [^;\"]*;?", "", tag)
    tag = re.sub(r"#00000[1-5]", lambda m: f"var({_VARIABLES[m.group()]})", tag)
    tag = re.sub(r"#0001([0-9a-f]{2})", lambda m: f"var(--arm-{int(m.group(1), 16)})", tag)
    return re.sub(r"(\d+\.\d{2})\d+", r"\1", re.sub(r"\s*\n\s*", " ", tag))
