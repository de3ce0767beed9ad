"""Secrets are taken out of messages in every form that they come in, and ordinary text stays as it is."""

import html
import json
import time
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError, GraftError, OutputError, describe_error
from models.redaction import REDACTED, is_secret_name, redact, redact_secrets, register_secret

KEY = "rk7-Vq2mZx9TbLw4Hs8PdNc3Yf6+/=Jg"
PASSWORD = 'heron & otter\'s 42 "nests"'


@pytest.fixture(autouse=True)
def registered():
    register_secret(KEY)
    register_secret(PASSWORD)


def pieces(secret, length=8):
    return [secret[at : at + length].lower() for at in range(len(secret) - length + 1)]


def shows(text, secret):
    return any(piece in text.lower() for piece in pieces(secret))


FORMS = {
    "whole": KEY,
    "header": f"Authorization: Bearer {KEY}",
    "in a word": f"x{KEY}y",
    "upper case": KEY.upper(),
    "its first half": KEY[: len(KEY) // 2],
    "its second half": KEY[len(KEY) // 2 :],
    "cut in two": f"{KEY[:14]}\n{KEY[14:]}",
    "url": f"?q={quote(KEY, safe='')}&r=1",
    "form": quote_plus(f"key {KEY}"),
    "json": json.dumps({"headers": {"api-key": KEY}}),
    "bytes": repr(KEY.encode()),
    "masked by stars": f"{KEY[:5]}{'*' * 20}{KEY[-4:]}",
    "masked by dots": f"{KEY[:3]}...{KEY[-3:]}",
    "masked by one ellipsis": f"'{KEY[:6]}…{KEY[-2:]}'",
    "its end alone": f"the key ending in ****{KEY[-4:]}",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_registered_secret_is_removed_in_every_form(form):
    for clean in (redact, redact_secrets):
        cleaned = clean(f"The server said {form} and went away.")
        assert not shows(cleaned, KEY)
        assert REDACTED in cleaned
        assert KEY[-4:] not in cleaned
        assert cleaned.startswith("The server said ")
        assert cleaned.endswith(" and went away.")


@pytest.mark.parametrize("before", ["", "a", "ab", "Bearer ", "ann:", "user-name:"])
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_base64_is_known_wherever_the_secret_begins_in_it(before, encode):
    encoded = encode(f"{before}{KEY}".encode()).decode()
    cleaned = redact_secrets(f"Header: {encoded}.")
    assert not any(
        piece in cleaned for piece in [encoded[at : at + 8] for at in range(len(before) * 2, len(encoded) - 8)]
    )


@pytest.mark.parametrize(
    "form", [str, html.escape, json.dumps, repr, quote_plus, quote, lambda text: text.encode().hex()]
)
def test_a_password_with_marks_is_known_as_escapers_write_it(form):
    assert "otter" not in redact_secrets(f"login {form(PASSWORD)} failed")
    assert form("otter") not in redact_secrets(f"login {form(PASSWORD)} failed")


ORDINARY = [
    "Keys of OpenAI begin with sk-, those of others with hf_ or gsk_; an example is sk-abcdefgh1234567890.",
    "api_key=abc123def456 and Authorization: Bearer abc.def-123456 stand in the manual, as does http://ann:pw@host/v1.",
    "The heron and the otter built 42 nests...",
    "password: correct-horse-battery-9",
    "Wait ... **bold** #### heading ---- line [see below] <b>bold</b>",
    "",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_a_text_about_keys_stays_as_it_is(text):
    assert redact_secrets(text) == text


@pytest.mark.parametrize(
    "message",
    [
        "sk-learn-notes-2024.md failed in the stage load",
        "Basic authentication is required; give a Bearer token.",
        "Expected a token: got nothing. max_tokens: 2048, password: Field required",
        "Nothing answers at http://127.0.0.1:8000/v1 or http://[::1]:80/@scope/name?page=2.",
        "The environment variable OPENAI_API_KEY is not set. NEO4J_PASSWORD neither.",
        "ann@example.org wrote /home/ann/key.yaml, see a@b.c",
    ],
)
def test_an_ordinary_message_stays_as_it_is(message):
    assert redact(message) == message


@pytest.mark.parametrize(
    ("message", "secret"),
    [
        ("http://ann:pa55w/rd@host:80/v1 is down", "pa55w/rd"),
        ("neo4j+s://me:hunter@db:7687", "hunter"),
        ("https://ghp_token@host/x", "ghp_token"),
        ("GET /v1?api-version=1&api-key=abc&x=1", "abc"),
        ("GET /v1?key=A1&sig=Zz%2F", "Zz%2F"),
        ("{'Authorization': 'Bearer ab.cd-ef_12'}", "ab.cd"),
        ("Authorization: Basic YW5uOnB3MTIz", "YW5u"),
        ('{"api_key": "zz-11-yy"}', "zz-11"),
        ("Incorrect API key provided: swordfish. Find yours", "swordfish"),
        ("Incorrect API key provided: sk-pr********************9zzq.", "9zzq"),
        (f"token sk-{'ant-'}{'qwerty12' * 4} is unknown", "qwerty"),
        ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "AIzaSy"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig", "eyJ"),
    ],
)
def test_a_message_loses_what_stands_where_secrets_stand(message, secret):
    cleaned = redact(message)
    assert secret not in cleaned
    assert REDACTED in cleaned
    assert redact(cleaned) == cleaned


@pytest.mark.parametrize("weak", ["none", "x", "", "12345", "password", "not-needed", "EMPTY", "lm-studio"])
def test_a_placeholder_or_short_value_changes_no_text(weak):
    register_secret(weak)
    text = f"The password is not needed, not-needed, none, x, 12345, EMPTY; lm-studio says {weak}."
    assert redact(text) == text


def test_a_short_word_is_removed_from_messages_alone_and_never_from_longer_words():
    register_secret("seagull")
    assert redact("wrong: seagull, not seagulls") == f"wrong: {REDACTED}, not seagulls"
    assert redact_secrets("A seagull is a bird.") == "A seagull is a bird."


def test_a_passphrase_leaves_its_words_to_documents() -> None:
    register_secret("correct horse battery staple")
    text = "The correct horse has a battery; a horse battery is correct."
    assert redact_secrets(text) == text
    assert redact_secrets("It is correct horse battery staple.") == f"It is {REDACTED}."


@pytest.mark.parametrize("key", ["ab$^.*+?()[]{}|xyz1", 'p@ss\\w0rd-"q"-tail!'])
def test_masked_keys_with_marks_at_their_ends_are_removed(key: str) -> None:
    register_secret(key)
    assert redact(f"got {key[:3]}***{key[-4:]} again") == f"got {REDACTED} again"


def test_letters_whose_lower_case_is_longer_hide_no_piece() -> None:
    register_secret("Zk7Q2rLm9XvT4pWs")
    assert redact_secrets("İstanbul: 7Q2rLm9XvT") == f"İstanbul: {REDACTED}"


@pytest.mark.parametrize("unit", ["://a", "password=", "://u:", "api_key=a", "sk-a"])
def test_long_messages_take_no_long_time(unit: str) -> None:
    began = time.perf_counter()
    redact(unit * (200_000 // len(unit)))
    assert time.perf_counter() - began < 10


def test_words_and_numbers_within_a_secret_stay():
    register_secret("production-Password-20261201")
    assert redact_secrets("Password, production, 20261201") == "Password, production, 20261201"
    assert REDACTED in redact_secrets("production-Pass")


@given(st.text(max_size=60), st.text(max_size=60), st.integers(0, 20), st.integers(8, 32))
def test_no_piece_is_left_whatever_stands_around(before, after, start, length):
    cleaned = redact_secrets(f"{before} {KEY[start : start + max(8, length)]} {after}")
    assert not shows(cleaned, KEY[start : start + max(8, length)])


@given(st.text(alphabet=st.characters(categories=["L", "Zs", "P"]), max_size=200))
def test_a_text_without_a_registered_secret_is_identical(text):
    assert redact_secrets(text) == text or REDACTED in redact_secrets(text)


@pytest.mark.parametrize("kind", [GraftError, ConfigError, OutputError])
def test_an_error_never_holds_a_secret(kind):
    assert KEY not in str(kind(f"The key {KEY} is wrong."))
    assert KEY not in repr(kind(f"The key {KEY} is wrong."))


def test_the_reason_of_a_foreign_error_holds_no_secret():
    assert describe_error(KeyError(KEY)) == f"KeyError: '{REDACTED}'"


def test_names_of_settings_that_hold_secrets_are_known():
    assert all(map(is_secret_name, ["key", "api_key", "apikey", "access_token", "X-Api-Key", "neo4j_password", "code"]))
    assert not any(map(is_secret_name, ["model", "api_key_env", "max_tokens", "api-version", "base_url", "keyword"]))
