"""Mails: one message (.eml) or a mailbox of them (.mbox), one document a message.

The text begins with who wrote to whom. Attachments are left out and named; of a message that comes as text and as HTML,
the text is taken.
"""

from __future__ import annotations

import email
import mailbox
import re
from collections.abc import Iterator, Sequence
from email import policy
from email.message import EmailMessage, MIMEPart
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path
from typing import Any

from kg.documents.encoding import decode_bytes
from kg.documents.parts import LostPart, Notice, Part, RawDocument, SourceFile
from kg.documents.readers.html import read_page
from kg.documents.readers.signature import content_kind, wrong_content
from kg.language.dates import normalise_date
from kg.language.text import normalise
from models.errors import InputError

_KNOWN = ("from", "to", "subject", "date", "received", "message-id", "mime-version", "return-path", "delivered-to")
_NO_TEXT = ("image", "audio", "video", "font")
_SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
_ENCRYPTED = ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")
_SHOWN_NAMES = 20


def read_eml(file: SourceFile) -> Iterator[Part]:
    """One message."""
    data = file.path.read_bytes()
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
    box = mailbox.mbox(file.path, factory=None, create=False)
    try:
        for key in box.iterkeys():
            count += 1
            data = re.sub(rb"(?m)^>(>*From )", rb"\1", box.get_bytes(key))
            notices: list[Notice] = []
            message = email.message_from_bytes(data, policy=policy.default)
            place = SourceFile(file.path, f"Message {count} of {file.name}", file.encoding)
            found, names = _message(message, place, notices, str(count))
            yield from notices
            attached += names
            yield LostPart(f"Message {count} {found.reason}", "messages") if isinstance(found, LostPart) else found
    finally:
        box.close()
    if not count:
        raise InputError(f'{file.name} is not a mailbox: it holds no line that begins with "From ".')
    yield from _left_out(attached)


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
        chosen = plain or [part for part in parts if part.get_content_type() != "text/calendar"][-1:]
        for part in chosen[:1]:
            yield from _bodies(part, attached)
        # A related part may bring attachments beside the text that is not chosen.
        for part in parts:
            if part not in chosen and part.is_multipart():
                list(_bodies(part, attached))
    elif message.is_multipart() and kind != "message/rfc822":
        for part in message.iter_parts():
            yield from _bodies(part, attached)
    elif kind in ("text/plain", "text/html") and not _is_file(message):
        yield message
    elif kind.partition("/")[0] not in _NO_TEXT and kind not in _SIGNATURES:
        name = message.get_filename() or (f"a mail ({_inner_subject(message)})" if kind == "message/rfc822" else kind)
        attached.append(" ".join(normalise(str(name)).split()))


def _is_file(part: MIMEPart) -> bool:
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())


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
    if part.get_content_type() == "text/html":
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
