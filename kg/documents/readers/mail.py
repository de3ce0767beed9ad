"""Mails: one message (.eml) or a mailbox of them (.mbox), one document a message.

The text begins with who wrote to whom. Attachments are left out and named; of a message that comes as text and as HTML,
the text is taken.
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterator, Sequence, Set
from email import policy
from email.message import EmailMessage, MIMEPart
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path
from typing import Any

from kg.documents.encoding import decode_bytes
from kg.documents.parts import LostPart, Notice, Part, RawDocument, SourceFile
from kg.documents.readers.html import read_page
from kg.documents.signature import content_kind, wrong_content
from kg.language.dates import normalise_date
from kg.language.text import normalise
from models.errors import InputError

_KNOWN = ("from", "to", "subject", "date", "received", "message-id", "mime-version", "return-path", "delivered-to")
_NO_TEXT = ("image", "audio", "video", "font")
_SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
_ENCRYPTED = ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")
_SHOWN_NAMES = 20
_SEPARATOR = re.compile(rb"From .*(?:\d:\d\d\b.*\b\d{4}\b|\b\d{4}-\d\d-\d\d)")
_TEXTS = ("text/plain", "text/html", "text/enriched", "text/markdown")
_MARKED = ("text/html", "text/enriched")
_QUOTED_FROM = re.compile(rb"^>(>*From )")
_TAG = re.compile(rb"<(style|script|head)\b.*?</\1\s*>|<[^<>]*>", re.DOTALL | re.IGNORECASE)
_WORD = re.compile(rb"[a-z0-9\x80-\xff]{3,}")


def read_eml(file: SourceFile) -> Iterator[Part]:
    """One message."""
    data = file.path.read_bytes().lstrip(b"\xef\xbb\xbf\r\n")
    if content_kind(data[:4096]):
        raise InputError(wrong_content(file.name, "a mail", data[:4096]))
    message = email.message_from_bytes(data, policy=policy.default)
    if not any(_header(message, name) for name in _KNOWN):
        raise InputError(f"{file.name} is not a mail: it begins with none of the headers {', '.join(_KNOWN)}.")
    notices: list[Notice] = []
    document, attached = _message(message, file, notices)
    if isinstance(document, LostPart):
        raise InputError(f"{file.name} {document.reason}")
    yield document
    yield from notices
    yield from _left_out(attached)


def read_mbox(file: SourceFile) -> Iterator[Part]:
    """A mailbox; a row is a message, by its number."""
    attached: list[str] = []
    count = 0
    for data in _split(file.path):
        count += 1
        notices: list[Notice] = []
        message = email.message_from_bytes(data, policy=policy.default)
        place = SourceFile(file.path, f"Message {count} of {file.name}", file.encoding)
        found, names = _message(message, place, notices, str(count))
        yield from notices
        attached += names
        yield LostPart(f"Message {count} {found.reason}", "messages") if isinstance(found, LostPart) else found
    if not count:
        raise InputError(f'{file.name} is not a mailbox: it holds no line that begins with "From ".')
    yield from _left_out(attached)


def _split(path: Path) -> Iterator[bytes]:
    """The messages of a mailbox; a sentence that begins with "From " begins none, unless a time and year are in it."""
    message: list[bytes] | None = None
    with path.open("rb") as lines:
        for line in lines:
            if line.startswith(b"From ") and (message is None or _SEPARATOR.match(line)):
                if message is not None:
                    yield b"".join(message)
                message = []
            elif message is not None:
                message.append(_QUOTED_FROM.sub(rb"\1", line))
    if message is not None:
        yield b"".join(message)


def _left_out(names: Sequence[str]) -> Iterator[Notice]:
    if names:
        more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
        yield Notice(
            f"Attachments are left out: {', '.join(names[:_SHOWN_NAMES])}{more}. Save them as files to read them."
        )


def _message(
    message: EmailMessage, file: SourceFile, notices: list[Notice], row: str = ""
) -> tuple[RawDocument | LostPart, list[str]]:
    """The document of a message, and the names of what is attached to it; notices are added to `notices`."""
    attached: list[str] = []
    try:
        if message.get_content_type() in _ENCRYPTED:
            return LostPart("is encrypted. Save it decrypted."), attached
        bodies = list(_bodies(message, attached))
        texts = [_text(body, file, notices) for body in bodies]
        subject = _header(message, "subject")
        people = [f"{name.title()}: {who}" for name in ("from", "to", "cc") if (who := _people(message, name))]
    except InputError as error:
        return LostPart(f"cannot be read: {error}"), attached
    except Exception as error:  # the parser of the standard library raises anything at broken headers
        return LostPart(f"is damaged ({type(error).__name__}: {error})."), attached
    text = "\n\n".join(text for text in texts if text.strip())
    if not text.strip() and not subject:
        return LostPart("holds no text."), attached
    body = text or subject
    unit = "messages" if row else ""
    return RawDocument(
        "\n\n".join(filter(None, ["\n".join(people), body])), subject, _date(message), row, unit
    ), attached


def _bodies(message: MIMEPart, attached: list[str]) -> Iterator[MIMEPart]:
    """Parts with the message's text; the names of all others are added to `attached`."""
    kind = message.get_content_type()
    if kind == "multipart/alternative":
        parts = list(message.iter_parts())
        plain = [part for part in parts if part.get_content_type() == "text/plain" and _bytes(part).strip()]
        rich = [part for part in parts if part.get_content_type() != "text/calendar"][-1:]
        chosen = rich if not plain or _is_remark(plain[0], rich[0]) else plain
        for part in chosen[:1]:
            yield from _bodies(part, attached)
        # A related part may bring attachments beside the text that is not chosen.
        for part in parts:
            if part not in chosen and part.is_multipart():
                list(_bodies(part, attached))
    elif message.is_multipart() and kind != "message/rfc822":
        for part in message.iter_parts():
            yield from _bodies(part, attached)
    elif (kind in _TEXTS and not _is_file(message)) or _is_whole(message):
        yield message
    elif kind.partition("/")[0] not in _NO_TEXT and kind not in _SIGNATURES:
        name = message.get_filename() or (f"a mail ({_inner_subject(message)})" if kind == "message/rfc822" else kind)
        attached.append(" ".join(normalise(str(name)).split()))


def _is_file(part: MIMEPart) -> bool:
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())


def _is_whole(part: MIMEPart) -> bool:
    """Whether a part says that it has parts, but the mark between them occurs nowhere."""
    return part.get_content_maintype() == "multipart" and not part.is_multipart()


def _is_remark(plain: MIMEPart, rich: MIMEPart) -> bool:
    """Whether the text says only that the message is in HTML: most words of the HTML are missing in it."""
    words = _words(rich)
    return len(words) > len(_words(plain)) and 2 * len(words & _words(plain)) < len(words)


def _words(part: MIMEPart) -> Set[bytes]:
    texts = (_TAG.sub(b" ", _bytes(each)).lower() for each in part.walk() if each.get_content_maintype() == "text")
    return {word for text in texts for word in _WORD.findall(text)}


def _inner_subject(part: MIMEPart) -> str:
    payload: Any = part.get_payload()
    inner = payload[0] if isinstance(payload, list) and payload else None
    return _header(inner, "subject") if inner is not None else ""


def _bytes(part: MIMEPart) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: MIMEPart, file: SourceFile, notices: list[Notice]) -> str:
    declared = part.get_content_charset()
    # An encoding that the user named is for texts that do not say theirs.
    decoded = decode_bytes(_bytes(part), SourceFile(file.path, file.name, "" if declared else file.encoding), declared)
    notices += decoded.notices
    text = decoded.text
    if part.get_content_type() in _MARKED:
        return read_page(text, whole=True).text
    if str(part.get_param("format", "")).lower() == "flowed":
        # RFC 3676: a line that ends with a space continues; the signature's mark is "-- ".
        text = re.sub(r"(?m)^(?!-- $)(.*) \n(?!>|-- $)", r"\1 ", text)
    return text.strip("\n")


def _header(message: MIMEPart, name: str) -> str:
    """A header on one line; "" if it is missing or cannot be parsed."""
    try:
        for key, raw in message.raw_items():
            if key.lower() == name and isinstance(raw, str) and any("\udc80" <= letter <= "\udcff" for letter in raw):
                # Bytes as they are, which no standard allows and old programs wrote.
                return " ".join(
                    decode_bytes(raw.encode("utf-8", "surrogateescape"), SourceFile(Path(), name)).text.split()
                )
        return " ".join(normalise(str(message.get(name, ""))).split())
    except Exception:  # the standard library's parser of headers fails at many broken ones
        return ""


def _people(message: EmailMessage, name: str) -> str:
    pairs = getaddresses([_header(message, name)])
    return ", ".join(person.strip() or address for person, address in pairs if person or address)


def _date(message: EmailMessage) -> str:
    value = _header(message, "date")
    try:
        return parsedate_to_datetime(value).date().isoformat()
    except (TypeError, ValueError, IndexError, OverflowError):
        return normalise_date(value)
