"""Addresses of servers as people write them, right and wrong."""

import pytest

from models.config import load_model, parse_model
from models.errors import ConfigError
from models.network.address import is_loopback, parse_address
from models.redaction import redact


@pytest.mark.parametrize(
    ("text", "url", "query", "host", "port"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1", "", "127.0.0.1", 8000),
        ("https://host/v1/", "https://host/v1/", "", "host", 443),
        ("http://[::1]:81/v1?a=1&a=2&b", "http://[::1]:81/v1", "a=1&a=2&b", "::1", 81),
        ("https://x.example/openai/deployments/d/chat/completions?api-version=7",
         "https://x.example/openai/deployments/d", "api-version=7", "x.example", 443),
        ("https://ann:p%40w@host:8443", "https://host:8443", "", "host", 8443),
        ("http://münchen.example/v1?x=%20y", "http://münchen.example/v1", "x=%20y", "münchen.example", 80),
    ],
)  # fmt: skip
def test_an_address_is_taken_apart(text, url, query, host, port):
    address = parse_address(text)
    assert (address.url, address.query, address.host, address.port) == (url, query, host, port)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "does not begin with http://"),
        ("host/v1", "does not begin with http://"),
        ("localhost:8000/v1", "does not begin with http://"),
        ("http:/host/v1", "does not begin with http://"),
        ("unix:///run/model.sock", "does not begin with http://"),
        ("http://", "names no host"),
        ("http://:80/v1", "names no host"),
        ("http://host:port/v1", "port"),
        ("http://host:70000/v1", "port"),
        ("http://host:0/v1", "port"),
        ("http://my host/v1", "space"),
        (" http://host/v1", "space"),
        ("http://host/v1\r", "a line end"),
        ("http://host/v1\n", "a line end"),
        ("http://host/\x07", "control character 0x07"),
        ("http://host/v1#here", "#"),
        ("http://[::1/v1", "malformed"),
        ("http://a..b/v1", "malformed"),
        ("http://ann:otter-71@ho st/v1", "space"),
        ("http://ann:otter/71@host/v1", "port"),
        ("http://ann:otter?71@host/v1", "port"),
        ("http://ann:otter#71@host/v1", "port"),
        ("ftp://ann:otter-71@host/v1", "does not begin with http://"),
    ],
)
def test_a_wrong_address_is_one_sentence_that_shows_no_password(text, problem):
    with pytest.raises(ConfigError) as caught:
        parse_model(
            f"backend: openai\nmodel: m\nbase_url: {text.encode('unicode_escape').decode()!r}"
            if text.isprintable()
            else f'backend: openai\nmodel: m\nbase_url: "{text.encode("unicode_escape").decode()}"'
        )
    message = str(caught.value)
    assert problem in message
    assert "base_url" in message
    assert "otter" not in message
    assert "\n" not in message


def test_the_identity_has_the_query_without_its_secrets():
    plain = parse_address("https://h/v1?api-version=1").identity
    assert parse_address("https://u:p@h/v1/?api-version=1&sig=abc&key=def").identity == plain
    assert parse_address("https://h/v1?api-version=2").identity != plain
    assert parse_address("https://h/v1/").identity == "https://h/v1"


def test_secrets_of_an_address_are_known_afterwards():
    parse_address("https://ann:gannet%2F83x@h/v1?subscription-key=puffin-19-auk")
    assert "puffin-19" not in redact("lost puffin-19-auk")
    assert "gannet/83x" not in redact("lost gannet/83x")
    assert "gannet" not in repr(parse_address("https://ann:gannet%2F83x@h/v1"))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.45.6.7", "127.1", "2130706433", "0x7f000001", "localhost", "LOCALHOST", "localhost.",
     "api.localhost", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "0.0.0.0", "::"],
)  # fmt: skip
def test_this_machine_has_many_names(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["128.0.0.1", "10.0.0.1", "127.0.0.1.example.org", "localhost.example.org", "mylocalhost", "::2", "fe80::1%eth0"],
)
def test_other_machines_are_not_this_one(host):
    assert not is_loopback(host)


@pytest.mark.parametrize("name", ["api_key", "key", "password", "token"])
def test_a_key_in_a_file_of_settings_is_not_repeated(name):
    with pytest.raises(ConfigError) as caught:
        parse_model(f"backend: openai\nmodel: m\nbase_url: http://h/v1\n{name}: kittiwake-55")
    assert name in str(caught.value)
    assert "kittiwake" not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    ["sk-tern-4711", "3f2a9c1b7d8e4f60a1b2c3d4e5f60718", "a3f2a9c1b7d8e4f60a1b2c3d4e5f607", "my key", "Schlüssel1"],
)
def test_a_key_in_place_of_a_variable_is_not_repeated(key):
    with pytest.raises(ConfigError, match="api_key_env") as caught:
        parse_model(f"backend: openai\nmodel: m\nbase_url: http://h/v1\napi_key_env: {key}")
    assert key not in str(caught.value)


def test_an_unknown_encoder_is_answered_with_encoders():
    with pytest.raises(ConfigError) as caught:
        load_model("bogus", ("sentence-transformers",))
    assert "minilm" in str(caught.value)
    assert "qwen" not in str(caught.value)
