from pathlib import Path

import pytest

from app.api import index, train
from app.opening import find_workspace
from models.errors import ConfigError
from tests.app.scripted import ENCODER
from tests.kg.scripted import write_sources


@pytest.fixture
def knowledge_base():
    index(write_sources(Path("articles")), "workspaces/kb", extractor="none", encoder=ENCODER)
    return Path("workspaces/kb")


@pytest.mark.parametrize(
    ("base", "name", "folder"),
    [("small", None, "small"), ("/far/away/small.yaml", None, "small"), ("small", "mine", "mine")],
)
def test_an_adapter_lies_in_the_workspace_under_its_base_s_name(knowledge_base, monkeypatch, base, name, folder):
    seen = {}

    def fit(base, texts, config, out, progress):
        seen[base] = (len(texts), out)
        return out

    monkeypatch.setattr("training.train.train", fit)
    assert train(base=base, name=name) == knowledge_base / "adapters" / folder
    assert seen == {base: (3, knowledge_base / "adapters" / folder)}


def test_the_only_workspace_is_found_and_one_that_is_given_must_exist(knowledge_base):
    assert find_workspace() == find_workspace("workspaces/kb") == knowledge_base
    with pytest.raises(ConfigError, match="does not exist"):
        find_workspace("workspaces/bk")
    with pytest.raises(ConfigError, match=r"holds no graft\.yaml"):
        find_workspace("articles")
