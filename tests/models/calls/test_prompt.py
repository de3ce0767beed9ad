import pytest

from kg.config import ExtractConfig
from kg.extraction.examples import DOMAINS, extraction_prompt
from models.calls.prompt import load_prompt, parse_prompt
from models.errors import ConfigError


def test_the_changing_part_of_the_extraction_prompt_comes_last():
    prompt = extraction_prompt(ExtractConfig())
    first = prompt.fill({"title": "One", "passage": "A."})
    second = prompt.fill({"title": "Two", "passage": "B."})
    assert first[:-1] == second[:-1]
    assert first[-1].content == "Title: One\nA."


def test_any_change_of_the_text_changes_the_template_name():
    one, two = (parse_prompt("p", f"---\nversion: 1\n---\n# user\n{text}\n") for text in ("Hi", "Ho"))
    assert one.template.startswith("p@1:")
    assert one.template != two.template


def test_braces_in_values_and_json_in_the_prompt_stay():
    prompt = parse_prompt("p", '---\nversion: 1\n---\n# user\n{"a": {}} {text}\n')
    assert prompt.fill({"text": "{other}"})[0].content == '{"a": {}} {other}'


@pytest.mark.parametrize("text", ["# user\nHi", "---\nversion: x\n---\n# user\nHi", "---\nversion: 1\n---\nHi"])
def test_a_malformed_prompt_is_a_configuration_error(text):
    with pytest.raises(ConfigError, match="the prompt p"):
        parse_prompt("p", text)


def test_an_unknown_prompt_lists_the_known_ones():
    with pytest.raises(ConfigError, match="extract"):
        load_prompt("nonsense")


def test_front_matter_that_is_no_mapping_is_a_configuration_error():
    with pytest.raises(ConfigError, match="the prompt p: expected settings at the head as a mapping"):
        parse_prompt("p", "---\n- 1\n---\n# user\nHi")


def test_every_shipped_example_has_a_title_and_facts():
    for domain in DOMAINS:
        turns = extraction_prompt(ExtractConfig(domain=domain)).turns[1:-1]
        assert [role for role, _ in turns] == ["user", "assistant"] * len(DOMAINS[domain])
        assert all(text.startswith("Title: ") for role, text in turns if role == "user")
        assert all(text.startswith('{"facts":["') for role, text in turns if role == "assistant")
