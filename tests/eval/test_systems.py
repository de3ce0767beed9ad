import pytest

from eval.systems import SystemConfig, known_systems, load_system
from models.errors import ConfigError


def test_the_shipped_arms_are_every_way_of_adding_knowledge(tmp_path):
    arms = {name: load_system(name, tmp_path) for name in known_systems()}
    assert all(arm.name == name for name, arm in arms.items())
    assert {(arm.adapter, arm.retriever, arm.marginal) for arm in arms.values()} == {
        *((False, retriever, "none") for retriever in ("none", "oracle", "rag", "graph", "cypher")),
        *((True, retriever, "none") for retriever in ("none", "rag", "graph")),
        *((False, "dense", marginal) for marginal in ("sequence", "token")),
    }


def test_arms_share_contexts_only_with_equal_settings():
    plain = SystemConfig(name="a", retriever="rag")
    assert plain.context_key == SystemConfig(name="b", retriever="rag", adapter=True).context_key == "rag"
    tuned = SystemConfig(name="c", retriever="rag", settings={"rrf_k": 10})
    assert tuned.context_key not in ("rag", SystemConfig(name="d", retriever="rag", settings={"rrf_k": 20}).context_key)


def test_a_system_of_the_users_own_is_a_file(tmp_path):
    (tmp_path / "mine.yaml").write_text("name: mine\nretriever: my.package:Retriever\nadapter: notes\n")
    assert load_system("mine.yaml", tmp_path) == SystemConfig(
        name="mine", retriever="my.package:Retriever", adapter="notes"
    )


@pytest.mark.parametrize("text", ["name: mine\nretreiver: rag", "retriever: rag", "name: a#b", "- a", "{"])
def test_a_malformed_system_is_an_error_that_names_the_file(tmp_path, text):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        load_system("mine.yaml", tmp_path)


def test_an_unknown_arm_names_the_known_ones(tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"Unknown arm 'ragg'\..* Expected one of: closed-book, cypher-rag, graph-rag, lora",
    ):
        load_system("ragg", tmp_path)
