import pytest

from kg.config import IndexConfig
from models.errors import ConfigError


def test_yaml_round_trip_spells_out_every_setting():
    config = IndexConfig(chunk_tokens=99, extractor="none", max_document_characters=1000)
    text = config.to_yaml()
    assert IndexConfig.from_yaml(text) == config
    assert "similarity" in text and "max_size" in text


def test_settings_left_out_take_their_defaults():
    assert (
        IndexConfig.from_yaml("chunk_tokens: 50\nresolve: {similarity: 0.5}").communities == IndexConfig().communities
    )
    assert IndexConfig.from_yaml("") == IndexConfig()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chunk_token: 5", "chunk_token"),
        ("chunk_tokens: many", "chunk_tokens.*'many'"),
        ("resolve: {similarity: 2}", "resolve.similarity"),
        ("- a", "mapping"),
        ("a: [", "as YAML, but it does not parse"),
        ("schema_version: 2", "schema_version"),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong_and_where(text, message):
    with pytest.raises(ConfigError, match=rf"notes\.yaml.*{message}"):
        IndexConfig.from_yaml(text, origin="notes.yaml")


def test_differences_name_nested_settings():
    other = IndexConfig.from_yaml("communities: {seed: 7}")
    assert IndexConfig().differences(other) == ["communities.seed: 0, not 7"]
    assert IndexConfig().differences(IndexConfig()) == []
