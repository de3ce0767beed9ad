"""Text of a scanned page by Tesseract, where its program is installed; nothing is installed or downloaded here.

The program is called itself: it reads an image from its input and writes text to its output, so a wrapper would add a
dependency and no ability.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache

from kg.language.text import normalise

_TIMEOUT_S = 180.0
DPI = 300
"""Resolution of a page's image; Tesseract's models are trained at about this size of letters."""


def available() -> bool:
    """Whether a `tesseract` program is on the PATH."""
    return shutil.which("tesseract") is not None


def read_image(png: bytes) -> str:
    """The text of an image, in all languages that are installed for Tesseract.

    Args:
        png: A PNG image of a page at `DPI`.
    Returns:
        Normalised text; "" if nothing was read, or Tesseract failed.
    """
    command = ["tesseract", "stdin", "stdout", "--dpi", str(DPI), "-l", _languages()]
    try:
        done = subprocess.run(command, input=png, capture_output=True, timeout=_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""  # the page stays without text, and is named so
    return normalise(done.stdout.decode("utf-8", "replace")).strip()


@cache
def _languages() -> str:
    listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, timeout=_TIMEOUT_S, check=False)
    names = listed.stdout.decode("utf-8", "replace").split("\n")[1:]
    return "+".join(sorted(name.strip() for name in names if name.strip() not in ("", "osd", "snum"))) or "eng"
