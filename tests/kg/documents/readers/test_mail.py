"""Mails: subject, date, people and the message as its reader sees it; attachments are named."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.kg.documents.readers.office import load, text_of

HEAD = "From: Ida Falk <ida@holm.example>\nTo: weir@holm.example\nSubject: The weir\nDate: Tue, 4 Mar 2031 10:00:00 +0100\n"
PEOPLE = "From: Ida Falk\nTo: weir@holm.example\n\n"


@pytest.mark.parametrize(
    ("rest", "text"),
    [
        ("\nStone lasts.\n", "Stone lasts."),
        ("Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe aus=\n Holm\n",
         "Grüße aus Holm"),
        ("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nU3RvbmUgbGFzdHMu\n", "Stone lasts."),
        ("Content-Type: text/html\n\n<p>Stone <b>lasts</b>.</p><script>no()</script><!-- nor this -->", "Stone lasts."),
        ("Content-Type: multipart/alternative; boundary=x\n\n--x\n\nStone lasts.\n--x\nContent-Type: text/html\n\n<p>Not this</p>\n--x--",
         "Stone lasts."),
        ("Content-Type: multipart/alternative; boundary=x\n\n--x\n\n \n--x\nContent-Type: text/html\n\n<p>Stone lasts.</p>\n--x--",
         "Stone lasts."),
        ("Content-Type: multipart/mixed; boundary=x\n\n--x\n\nStone lasts.\n--x\n\nOak does not.\n--x--", "Stone lasts.\n\nOak does not."),
        ("Content-Type: text/plain; format=flowed\n\nStone \nlasts.\nOak does not.\n", "Stone lasts.\nOak does not."),
        ("Content-Type: text/plain; charset=x-unknown\n\nStone lasts.\n", "Stone lasts."),
    ],
)  # fmt: skip
def test_the_text_of_a_message(tmp_path: Path, rest: str, text: str) -> None:
    loaded = load(tmp_path, "m.eml", (HEAD + rest).encode())
    assert text_of(loaded) == PEOPLE + text
    assert (loaded.documents[0].title, loaded.documents[0].date) == ("The weir", "2031-03-04")


def test_headers_in_other_letters(tmp_path: Path) -> None:
    head = "From: =?utf-8?b?w4VzZQ==?= <a@b.example>\nSubject: =?iso-8859-1?q?Gr=FC=DFe?=\n =?iso-8859-1?q?_aus_Holm?=\n\nStone.\n"
    (document,) = load(tmp_path, "m.eml", head.encode()).documents
    assert (document.title, document.text) == ("Grüße aus Holm", "From: Åse\n\nStone.")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "cp1251"])
def test_headers_in_bytes_as_they_are(tmp_path: Path, encoding: str) -> None:
    subject = "Мельница у реки построена давно" if encoding == "cp1251" else "Grüße von der Mühle in Köln"
    (document,) = load(tmp_path, "m.eml", f"Subject: {subject}\n\nStone.\n".encode(encoding)).documents
    assert document.title == subject


def test_attachments_are_left_out_and_named(tmp_path: Path) -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "ida@holm.example", "The weir"
    message.set_content("See the plan.")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="plan of the weir.pdf")
    message.add_attachment("a note\n", filename="note.txt")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="logo.png")
    inner = EmailMessage()
    inner["Subject"] = "An older mail"
    inner.set_content("old")
    message.add_attachment(inner)
    loaded = load(tmp_path, "m.eml", message.as_bytes())
    assert text_of(loaded) == "From: ida@holm.example\n\nSee the plan."
    assert loaded.notices == (
        "Attachments are left out: plan of the weir.pdf, note.txt, a mail (An older mail). Save them as files to read them.",
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is not a mail"),
        (b"The weir.\n", "is not a mail"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "old binary Office"),
        (b"From: a\nContent-Type: multipart/encrypted; boundary=x\n\n--x\n\n--x--", "is encrypted"),
        (b"From: a\nContent-Type: application/pkcs7-mime\n\nMIAG\n", "is encrypted"),
        (b"From: a\n\n", "holds no text"),
    ],
)
def test_what_is_no_mail_or_has_no_text(tmp_path: Path, data: bytes, said: str) -> None:
    loaded = load(tmp_path, "m.eml", data)
    assert said in loaded.error and not loaded.documents


def test_a_mailbox_is_a_document_a_message(tmp_path: Path) -> None:
    mails = [
        HEAD + "\nStone lasts.\n\n>From the weir on.\n",
        "Subject: Re: The weir\n\nOak does not.\n",
        "From: a@b.example\n\n",
        "Content-Type: application/pkcs7-mime\n\nMIAG\n",
    ]
    box = "".join(f"From ida@holm.example Tue Mar  4 10:00:00 2031\n{mail}\n" for mail in mails)
    loaded = load(tmp_path, "b.mbox", box.encode())
    assert [(document.source, document.title) for document in loaded.documents] == [
        ("b.mbox#1", "The weir"), ("b.mbox#2", "Re: The weir"),
    ]  # fmt: skip
    assert "\nFrom the weir on." in loaded.documents[0].text
    assert loaded.errors == ("Message 3 holds no text.", "Message 4 is encrypted. Save it decrypted.")
    assert "is not a mailbox" in load(tmp_path, "c.mbox", b"Stone lasts.\n").error


ALTERNATIVE = "Content-Type: multipart/alternative; boundary=x\n\n--x\n\n{}\n--x\nContent-Type: text/html\n\n{}\n--x--"
STORY = "<p>Ida Falk built the upper weir of stone, because oak rots in fresh water.</p>"


@pytest.mark.parametrize(
    ("plain", "page", "text"),
    [
        ("This message is in HTML.", STORY, STORY[3:-4]),
        ("View it in your browser: https://holm.example/w", f"<style>p{{}}</style>{STORY}", STORY[3:-4]),
        ("[image]", STORY, STORY[3:-4]),
        (STORY[3:-4], f"{STORY}<p>Holm 4</p>", STORY[3:-4]),
        ("A long text of its own that says more than the page does.", "<p>Hello</p>", "A long text of its own that says more than the page does."),
    ],
)  # fmt: skip
def test_a_remark_that_a_message_is_in_html_is_not_the_message(
    tmp_path: Path, plain: str, page: str, text: str
) -> None:
    assert text_of(load(tmp_path, "m.eml", (HEAD + ALTERNATIVE.format(plain, page)).encode())) == PEOPLE + text


@pytest.mark.parametrize(
    ("before", "rest", "text"),
    [
        ("\ufeff", "\nStone lasts.", "Stone lasts."),
        ("\r\n\n", "\nStone lasts.", "Stone lasts."),
        ("", "Content-Type: text/enriched\n\n<bold>Stone</bold> lasts.", "Stone lasts."),
        ("", "Content-Type: text/markdown\n\n# Stone", "# Stone"),
        ("From ida@holm.example Tue Mar  4 10:00:00 2031\n", "\nStone lasts.", "Stone lasts."),
    ],
)
def test_what_stands_before_a_mail_and_other_kinds_of_text(tmp_path: Path, before: str, rest: str, text: str) -> None:
    assert text_of(load(tmp_path, "m.eml", (before + HEAD + rest).encode())) == PEOPLE + text


def test_a_message_without_the_marks_between_its_parts_is_one_text(tmp_path: Path) -> None:
    loaded = load(tmp_path, "m.eml", (HEAD + "Content-Type: multipart/mixed; boundary=x\n\nStone lasts.\n").encode())
    assert text_of(loaded) == PEOPLE + "Stone lasts."


@pytest.mark.parametrize(
    "body",
    [
        "From the weir we saw the sea.",
        "Hello\n\nFrom 1871 on it stood.\nYes.",
        "a\nFrom: no header\n\nFrom\n",
        "From ten to eleven it rained.\n\nFrom here on not.",
        ">>From a quotation\n\nFrom her",
    ],
)
def test_a_sentence_that_begins_as_a_message_does_is_none(tmp_path: Path, body: str) -> None:
    one = f"From ida@holm.example Tue Mar  4 10:00:00 2031\nSubject: Weir\n\n{body}\n\n"
    two = "From - Tue Mar  4 11:00:00 2031\nSubject: Oak\n\nIt rots.\n"
    loaded = load(tmp_path, "m.mbox", (one + two).encode())
    assert [document.title for document in loaded.documents] == ["Weir", "Oak"] and not loaded.errors
    assert loaded.documents[0].text.split() == body.replace(">>From", ">From").split()
