"""Names of encodings: Python's codecs of files of text, and no others."""

from __future__ import annotations

import pytest

from models.errors import ConfigError
from models.files.encodings import codec_named, find_codec


@pytest.mark.parametrize(
    ("name", "codec"),
    [("windows-1250", "cp1250"), (" Latin2", "iso8859-2"), ("KOI8-R", "koi8-r"), ("sjis", "shift_jis"), ("ansi", "")],
)
def test_names_of_encodings_are_pythons(name: str, codec: str) -> None:
    if codec:
        assert codec_named(name) == codec
    else:
        with pytest.raises(ConfigError, match="Unknown encoding"):
            codec_named(name)


@pytest.mark.parametrize("name", ["base64", "rot13", "unicode_escape", "idna", "undefined", "cp1250\0", "č"])
def test_codecs_that_are_not_encodings_of_files_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="Unknown encoding"):
        codec_named(name)
    assert find_codec(name) == ""
