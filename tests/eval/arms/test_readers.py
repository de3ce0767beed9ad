from pathlib import Path

import pytest

from eval.arms.readers import Readers, estimated_tokens
from models.errors import ConfigError


class Model:
    def __init__(self, name, log):
        self.digest = f"digest of {name}"
        self.name, self.log = name, log
        log.append(f"open {name}")

    def count_tokens(self, text):
        return len(text)

    def close(self):
        self.log.append(f"close {self.name}")


def readers(log, expected=None, note=None):
    return Readers(
        lambda adapter: Model(f"scorer {adapter}", log),
        lambda adapter: object(),
        expected or {},
        note or (lambda *_: None),
    )


def test_one_adapter_is_open_at_a_time_and_each_is_opened_once():
    log = []
    with readers(log) as opened:
        opened.scorer(None)
        opened.scorer(None)
        opened.scorer(Path("a"))
    assert log == ["open scorer None", "close scorer None", "open scorer a", "close scorer a"]


def test_no_model_is_opened_without_need():
    log = []
    with readers(log):
        pass
    assert log == []


def test_other_weights_than_before_are_refused():
    noted = {}
    with readers([], {"a": "digest of another"}, noted.__setitem__) as opened:
        opened.scorer(None)
        with pytest.raises(ConfigError, match=r"adapter: a.*Bring the old weights back"):
            opened.scorer(Path("a"))
    assert noted == {"": "digest of scorer None"}


def test_tokens_are_the_readers_or_an_estimate():
    opened = readers([])
    opened.open_chat = lambda adapter: type("Chat", (), {"digest": "x", "close": lambda self: None})()
    assert opened.token_counter(choices=True)("12345") == 5
    assert opened.token_counter(choices=False) is estimated_tokens
    opened.close()
