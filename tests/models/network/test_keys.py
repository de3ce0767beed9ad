"""A key that cannot be sent is refused in one sentence, which names the variable and shows nothing of the key."""

import pytest

from models.errors import ConfigError
from models.network.keys import read_key

CORE = "razorbill-2207-auk"


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        (f"{CORE}\r", "a line end at its end"),
        (f"{CORE}\n", "a line end at its end"),
        (f"{CORE}\r\n", "a line end at its end"),
        (f"{CORE}\nX-Other: 1", "a line end"),
        (f"\n{CORE}", "a line end"),
        (f"{CORE[:9]}\t{CORE[9:]}", "a tab"),
        (f"{CORE}\x1b", "control character 0x1b"),
        (f"{CORE}\x7f", "control character 0x7f"),
        (f"{CORE}é", "outside ASCII"),
        (f"“{CORE}”", "curly quote"),
        (f"{CORE}\u200b", "outside ASCII"),
        (f"{CORE}\xa0", "outside ASCII"),
        (f" {CORE}", "a space at its beginning or end"),
        (f"{CORE} ", "a space at its beginning or end"),
        (f'"{CORE}"', "a quotation mark"),
        (f"'{CORE}'", "a quotation mark"),
        (f"Bearer {CORE}", "the word Bearer"),
        (f"{CORE[:9]} {CORE[9:]}", "a space within"),
        ("   ", "white space"),
        ("\r", "white space"),
    ],
)
def test_a_faulty_key_is_named_and_not_shown(key, fault, monkeypatch):
    monkeypatch.setenv("BIRD_KEY", key)
    with pytest.raises(ConfigError) as caught:
        read_key("BIRD_KEY")
    message = str(caught.value)
    assert "BIRD_KEY" in message
    assert fault in message
    assert "\n" not in message
    assert not any(piece in message for piece in ("razorbill", "2207", "auk"))


@pytest.mark.parametrize("key", ["k", CORE, "sk-proj-_-=+/~.", "a:b@c#d?e%f", "none"])
def test_a_good_key_is_returned_as_it_is(key, monkeypatch):
    monkeypatch.setenv("BIRD_KEY", key)
    assert read_key("BIRD_KEY") == key


def test_no_key_is_none(monkeypatch):
    monkeypatch.delenv("BIRD_KEY", raising=False)
    assert read_key("BIRD_KEY") is None
    monkeypatch.setenv("BIRD_KEY", "")
    assert read_key("BIRD_KEY") is None
