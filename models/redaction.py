"""Secrets and the one function that takes them out of text: keys of models, passwords of databases and proxies.

Whoever reads a secret from the environment or an address registers it. `redact` is for messages: errors, reasons of
failed items, warnings, logs, tracebacks. It removes registered secrets, whole, encoded, masked or cut, and whatever
stands where secrets stand (`Bearer …`, `user:password@host`, `api_key=…`). `redact_secrets` is for what a model
writes: it removes registered secrets alone, so a passage about keys that begin with "sk-" stays as it is. Documents
pass through neither.

A registered secret is removed by these rules, whatever its case:

- As a whole, also in URL, HTML, JSON, base64 or hexadecimal form, if it has at least 6 characters and is no common
  placeholder such as "not-needed". A single word of fewer than 10 letters is removed from messages only.
- In pieces of 8 characters or more. A piece that is a number or ordinary words does not count, for any text may contain
  it.
- Masked, such as `sk-a…wxyz`, if the visible ends are its own.

    register_secret(os.environ["MY_KEY"])
    redact(str(error))
"""

from __future__ import annotations

import html
import json
import re
import threading
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, quote_plus, unquote

REDACTED = "[redacted]"
"""What stands where a secret stood."""
_REPEATED = re.compile(rf"(?:{re.escape(REDACTED)}){{2,}}")
_MIN_SECRET = 6
_PIECE = 8
"""Length of the pieces that are searched for: two random keys share none, and a shorter piece helps nobody."""
_LONG_WORD = 10
_UNBROKEN = 12
"""From this length on, a secret is removed from within a longer word too."""
_NEAR = 64
"""Number of visible characters that are looked at on each side of a mask."""
_PLACEHOLDERS = frozenset((
    "changeme", "dummy-key", "lm-studio", "localhost", "no-key", "no-key-required", "not-needed", "notneeded", "ollama",
    "openai", "password", "placeholder", "secret", "sk-dummy", "sk-no-key-required", "test-key", "token-abc123",
    "unused", "your-api-key",
))  # fmt: skip
"""Values that documentation tells people to set where a server wants some key. They protect nothing."""
_MASK = re.compile(
    r"\*{2,}|\.{2,}|…+|[•·]{2,}|#{3,}|[xX]{4,}|-{4,}|<\w[\w ]*>|\[\w[\w ]*\]|(?:%2[AaEe]){2,}|(?:%E2%80%A[26])+"
)
_SECRET_NAME = r"(?:api[-_ ]?key|access[-_ ]?key|subscription[-_ ]?key|authorization|password|passwd|pwd|secret|token)"
# A value that is no ordinary word: it has a digit, a mask or a mark within.
# Bounded, as all that looks ahead here: a server may write a megabyte.
_SECRET_VALUE = r"(?=[^\s\"',;&]{0,512}[\d*…_-])[^\s\"',;&]{6,}"
_PATTERNS = (
    # User name and password of an address; the first form is for a password that has a slash in it.
    (re.compile(r"(?<=://)(?!\[)[^\s/@:]{0,512}:(?!\d+(?:[/?#\s]|$))[^\s@]{0,512}@"), f"{REDACTED}@"),
    (re.compile(r"(?<=://)[^\s/@]{0,512}@"), f"{REDACTED}@"),
    (re.compile(r"(?i)\b(Bearer|Basic|ApiKey)(\s+|%20|\+)(?![a-z]+[,.;:!?]?(?:[\s)'\"]|$))[\w.~+/=*…-]{6,}"),
     rf"\1\2{REDACTED}"),
    (re.compile(rf"(?i)([?&](?:[\w-]*{_SECRET_NAME}|key|code|sig|signature)=)[^\s&#\"'<>)]+(?<![.:])"),
     rf"\1{REDACTED}"),
    (re.compile(rf"(?i)({_SECRET_NAME}(?:\s+(?:provided|given|used))?[\"']?\s*[:=]\s*[\"']?){_SECRET_VALUE}"),
     rf"\1{REDACTED}"),
    (re.compile(r"(?i)(key\s+(?:provided|given|used)[:=]?\s*[\"']?)[^\s\"',;&]{4,}(?<![.:])"), rf"\1{REDACTED}"),
    # Shapes of well-known keys: a prefix, then at least 16 characters with a digit and a long run, or a mask.
    (re.compile(r"(?<![\w/-])(?:sk|pk|rk|gsk|xai|nvapi|pplx|r8|hf|gh[opsu]|github_pat|glpat|pypi|xox[abps])[-_]"
                r"(?=[\w.*…-]*[\d*…])(?=[\w.-]*(?:[*…]|\.{3}|[A-Za-z0-9]{12}))[\w.*…-]{16,}"), REDACTED),
    (re.compile(r"\b(?:AIza[\w-]{30,}|AKIA[A-Z0-9]{12,}|eyJ[\w-]{10,}\.[\w-]{10,}(?:\.[\w-]*)?)"), REDACTED),
)  # fmt: skip


@dataclass(frozen=True)
class _Secret:
    """A registered secret with the forms that it may take."""

    value: str

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """The secret itself and its encodings, longest first."""
        value = self.value
        raw = value.encode("utf-8", "replace")
        forms = {value, quote(value, safe=""), quote_plus(value), unquote(value), html.escape(value), raw.hex()}
        forms |= {json.dumps(value)[1:-1], repr(value)[1:-1]}
        # In base64, what stands before the secret decides only at which of three positions of a group it begins.
        for shift, cut in ((0, 0), (1, 2), (2, 3)):
            padded = bytes(shift) + raw
            end = -1 if len(padded) % 3 else None
            encodings = (b64encode(padded), urlsafe_b64encode(padded))
            forms |= {encoded.decode().rstrip("=")[cut:end] for encoded in encodings}
        return tuple(sorted((form for form in forms if len(form) >= _MIN_SECRET), key=lambda form: (-len(form), form)))

    @cached_property
    def pieces(self) -> frozenset[str]:
        """Pieces of `_PIECE` characters of every form, in lower case, without those that any text may contain."""
        pieces = (form[at : at + _PIECE] for form in self.forms for at in range(len(form) - _PIECE + 1))
        # Judged in the secret's own case: "Password" is a word, "pAssWord" is not.
        return frozenset(
            piece.lower()
            for piece in pieces
            if not (all(map(_is_word, piece.split())) or piece.isdigit() or len(set(piece)) < 4)
        )

    @cached_property
    def whole(self) -> re.Pattern[str]:
        """Any form as a whole; a short one is no part of a longer word."""
        bounded = r"(?<![^\W_]){}(?![^\W_])"
        forms = (re.escape(form) if len(form) >= _UNBROKEN else bounded.format(re.escape(form)) for form in self.forms)
        return re.compile("|".join(forms), re.IGNORECASE)


_secrets: dict[str, _Secret] = {}
_lock = threading.Lock()


def register_secret(value: str | None) -> None:
    """Let `redact` remove a value from now on, for the life of the process.

    Args:
        value: A key or password; one that is too short to be searched for, or a placeholder, is not registered.
    """
    value = (value or "").strip()
    if len(value) < _MIN_SECRET or value.lower() in _PLACEHOLDERS:
        return
    with _lock:
        _secrets.setdefault(value, _Secret(value))


def redact(message: str) -> str:
    """A message without secrets: registered ones, and what stands where secrets stand.

    Args:
        message: An error, a reason, a warning or a line of a log. Not a document.
    Example:
        >>> redact("HTTP 401 at http://ann:pw@host/v1?api_key=12: no key sk-abcdefgh1234567890 here")
        'HTTP 401 at http://[redacted]@host/v1?api_key=[redacted]: no key [redacted] here'
    """
    message = _without_secrets(message, words=True)
    for pattern, substitute in _PATTERNS:
        message = pattern.sub(substitute, message)
    return message


def redact_secrets(text: str) -> str:
    """A text without registered secrets, otherwise as it is.

    Args:
        text: What a model wrote.
    Example:
        >>> redact_secrets("Keys of OpenAI begin with sk-, as in sk-abcdefgh1234567890.")
        'Keys of OpenAI begin with sk-, as in sk-abcdefgh1234567890.'
    """
    return _without_secrets(text, words=False)


def is_secret_name(name: str) -> bool:
    """Whether a setting or parameter of this name holds a secret.

    Example:
        >>> [is_secret_name(name) for name in ("api-key", "OPENAI_TOKEN", "sig", "api_key_env", "api-version")]
        [True, True, True, False, False]
    """
    return bool(re.fullmatch(rf"(?i)[\w.-]*{_SECRET_NAME}|key|code|sig|signature", name))


def _without_secrets(text: str, words: bool) -> str:
    with _lock:
        secrets = list(_secrets.values())
    for secret in secrets:
        if words or len(secret.value) >= _LONG_WORD or not _is_word(secret.value):
            text = secret.whole.sub(REDACTED, text)
        text = _without_masked(_without_pieces(text, secret.pieces), secret.value.lower())
    return _REPEATED.sub(REDACTED, text)


def _without_pieces(text: str, pieces: frozenset[str]) -> str:
    """A text without the stretches that pieces of a secret cover."""
    lower = text.lower()
    if len(lower) != len(text):  # a few letters have a lower case of two characters; positions must stay
        lower = "".join(letter.lower()[:1] for letter in text)
    starts = [at for at in range(len(lower) - _PIECE + 1) if lower[at : at + _PIECE] in pieces]
    kept, position = list[str](), 0
    for start in starts:
        if start > position or not kept:
            kept.append(text[position:start])
        position = start + _PIECE
    if not kept:
        return text
    return REDACTED.join([*kept, text[position:]])


def _without_masked(text: str, value: str) -> str:
    """A text without masked forms of a secret, such as `sk-a...wxyz`."""
    kept, position = list[str](), 0
    for mask in _MASK.finditer(text):
        before = text[max(position, mask.start() - _NEAR) : mask.start()].lower()
        after = text[mask.end() : mask.end() + _NEAR].lower()
        head = next((n for n in range(min(len(before), len(value)), 0, -1) if before.endswith(value[:n])), 0)
        tail = next((n for n in range(min(len(after), len(value)), 0, -1) if after.startswith(value[-n:])), 0)
        # Two characters beside a mask may be chance, and eight the prefix that all keys of a company share.
        if tail >= 4 or (head >= 2 and tail >= 2) or head > 8:
            kept.append(text[position : mask.start() - head])
            position = mask.end() + tail
    return REDACTED.join([*kept, text[position:]]) if kept else text


def _is_word(text: str) -> bool:
    return text.isalpha() and (text.islower() or text.isupper() or text.istitle())
