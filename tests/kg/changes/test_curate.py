import pytest

from kg.build import BuildModels, build, resolve_again
from kg.changes.curate import history, merge, split, split_source, undo
from kg.config import IndexConfig, ResolveConfig
from kg.language.sentences import RuleSentences
from kg.schema import Community, Description, Entity, Fact, Merge
from kg.views.describe import describe
from kg.views.dossier import dossier, named, search
from kg.workspace import Workspace
from models.calls.executor import ThreadExecutor
from models.errors import InputError, OutputError
from models.protocols import Completion, Usage
from tests.kg.scripted import PLAIN, TIDES, LetterEncoder, ScriptedChat, write_sources

CONFIG = IndexConfig(chunk_tokens=16, extract=PLAIN)
MODELS = BuildModels(None, LetterEncoder(), RuleSentences())


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


class Bench:
    """Sources and a workspace of them."""

    def __init__(self, folder, config=CONFIG):
        self.sources = write_sources(folder / "sources")
        self.config = config
        self.path = folder / "kb"
        self.digest = self.build()

    def build(self, chat=None, judge=None):
        models = BuildModels(chat or ScriptedChat(), LetterEncoder(), RuleSentences(), judge=judge)
        with Workspace.create(self.path, self.config) as workspace:
            self.summary = build(workspace, self.sources, models, executor=ThreadExecutor(1))
        return self.summary.digest

    def open(self):
        return Workspace.open(self.path)


def names(workspace):
    return sorted({row.name, *row.aliases} for row in workspace.store.read(Entity) if row.type == "organisation")


def test_a_ruling_merges_entities_facts_and_communities_without_a_chat_model(bench):
    with bench.open() as workspace:
        store = workspace.store
        before = {kind: len(list(store.read(kind))) for kind in (Entity, Fact, Community)}
        ruled = merge(workspace, MODELS, "Harrow Mills", "the marrow & finch")
        (entity,) = ruled.entities
        assert {entity.name, *entity.aliases} == {"Harrow Mills", "Marrow & Finch"}
        assert len(list(store.read(Entity))) == before[Entity] - 1
        known = {member for row in store.read(Community) for member in row.entity_ids}
        assert known == {row.id for row in store.read(Entity)}
        ends = {end for fact in store.read(Fact) for end in (fact.subject_id, fact.object_id)}
        assert ends <= known
        assert "ruled one thing" in {row.reason for row in store.read(Merge)}


def test_merge_split_and_undo_lead_back_to_the_same_digest(bench):
    with bench.open() as workspace:
        store = workspace.store
        merge(workspace, MODELS, "Harrow Mills", "Marrow & Finch")
        merged = store.digest()
        assert merged != bench.digest
        split(workspace, MODELS, "Marrow & Finch", "Harrow Mills")
        assert {"Harrow Mills"} in names(workspace)
        undo(workspace, MODELS)
        assert store.digest() == merged
        undo(workspace, MODELS)
        assert store.digest() == bench.digest
        with pytest.raises(InputError, match="none stands"):
            undo(workspace, MODELS)
        found = history(store)
        assert [row.action for row in found.rulings] == ["merge", "split", "undo", "undo"]
        assert found.standing == frozenset()


def test_rulings_outlive_builds_and_changed_sources(bench, tmp_path):
    with bench.open() as workspace:
        merge(workspace, MODELS, "Harrow Mills", "Marrow & Finch")
        ruled = workspace.store.digest()
    chat = ScriptedChat()
    assert bench.build(chat) == ruled
    assert chat.asked == []
    (bench.sources / "d.md").write_text("Harrow Mills bought Bellwick Castle.")
    changed = bench.build()
    with bench.open() as workspace:
        assert {"Harrow Mills", "Marrow & Finch"} in names(workspace)
    other = Bench(tmp_path / "other")
    with other.open() as workspace:
        merge(workspace, MODELS, "Marrow & Finch", "Harrow Mills")
    (other.sources / "d.md").write_text("Harrow Mills bought Bellwick Castle.")
    assert other.build() == changed


def test_a_part_of_a_name_and_a_document_can_be_split_off(bench):
    with bench.open() as workspace:
        store = workspace.store
        split(workspace, MODELS, "Lorne", "Ada Lorne")
        (lorne,) = (row for row in named(store, "Lorne") if row.name == "Lorne")
        assert dossier(store, lorne).sources == ("a.md",)
        split_source(workspace, MODELS, "Harrow Mills", "b.md")
        mills = [dossier(store, row).sources for row in named(store, "Harrow Mills")]
        assert sorted(mills) == [("a.md", "c.md"), ("b.md",)]


@pytest.mark.parametrize(
    ("ruling", "message"),
    [
        (lambda w: merge(w, MODELS, "Harrow Mill", "Torsby"), "Did you mean Harrow Mills"),
        (lambda w: split(w, MODELS, "Torsby", "the torsby"), "--source FILE"),
        (lambda w: split_source(w, MODELS, "Torsby", "c.md"), r"one of a\.md, b\.md; got 'c\.md'"),
    ],
)
def test_a_ruling_about_what_is_not_there_is_refused_and_not_kept(bench, ruling, message):
    with bench.open() as workspace:
        with pytest.raises(InputError, match=message):
            ruling(workspace)
        assert workspace.store.digest() == bench.digest
        assert history(workspace.store).rulings == ()


def test_a_dossier_shows_the_sentence_of_every_fact_and_why_names_are_one(bench):
    with bench.open() as workspace:
        (ada,) = search(workspace.store, "ada")
        known = dossier(workspace.store, ada)
        told = {}
        for each in known.facts:
            told[each.fact.predicate] = (each.object, [(s.source, s.text) for s in each.sentences])
        assert told["founds"] == ("Marrow & Finch", [("a.md", "Ada Lorne founded Marrow & Finch in Torsby.")])
        assert [(row.name, row.other) for row in known.merges] == [("lorne", "ada lorne")]
        about = history(workspace.store, "Ada Lorne")
        assert [each.merge.reason for each in about.merges] == [
            "a part of the name, in a document where only that name fits"
        ]


class Describer:
    """Keeps its prompts and replies with the last line of each."""

    name = "describer"
    digest = "describer-1"

    def __init__(self):
        self.asked = []

    def complete(self, request):
        self.asked.append(request.messages[-1].content)
        return Completion(f"{self.asked[-1].splitlines()[-1]}.\n", Usage(5, 5), "stop", 0.1)


def test_a_description_is_written_once_and_again_when_what_it_rests_on_changes(bench):
    chat = Describer()
    with bench.open() as workspace:
        store = workspace.store
        (mills,) = named(store, "Harrow Mills")
        first = describe(store, dossier(store, mills), chat)
        assert first.text == "Describe: Harrow Mills (organisation)."
        assert "- Varga praised Harrow Mills." in chat.asked[0]
        assert describe(store, dossier(store, mills), chat) == first
        assert len(chat.asked) == 1
        assert store.digest() == bench.digest
        short = describe(store, dossier(store, mills), chat, max_tokens=1)
        assert chat.asked[1].count("\n- ") == 1
        assert list(store.read(Description)) == [short]
    (bench.sources / "c.md").write_text(TIDES["c.md"].replace("praised", "sold"))
    bench.build()
    with bench.open() as workspace:
        store = workspace.store
        assert list(store.read(Description)) == []
        (mills,) = named(store, "Harrow Mills")
        again = describe(store, dossier(store, mills), chat)
        assert "sold" in chat.asked[-1]
        assert again.basis != first.basis


class No:
    """A judge that answers no, or nothing of use."""

    name = digest = "no"

    def __init__(self, useless=False):
        self.useless = useless
        self.asked = 0

    def complete(self, request):
        self.asked += 1
        if self.useless:
            raise OutputError("no JSON", 7, 1)
        return Completion("{}", Usage(10, 2), "stop", 0.1, parsed={"same": False})

    def close(self):
        """Nothing to free."""


def test_a_judge_s_calls_and_failures_are_counted_and_a_second_build_asks_nothing(tmp_path):
    config = IndexConfig(chunk_tokens=16, extract=PLAIN, resolve=ResolveConfig(similarity=0.3, judge="no"))
    judge = No()
    bench = Bench.__new__(Bench)
    texts = {"a.md": "Torsby Bank lies by Lake Oune.", "b.md": "Torsby Banking praised Harrow Mills."}
    bench.sources, bench.config, bench.path = write_sources(tmp_path / "sources", texts), config, tmp_path / "kb"
    bench.build(judge=judge)
    asked, tokens = judge.asked, bench.summary.tokens_in
    assert asked > 0
    bench.build(judge=judge)
    assert (judge.asked, bench.summary.tokens_in, bench.summary.failed) == (asked, tokens, 0)
    bench.path = tmp_path / "useless"
    useless = No(useless=True)
    bench.build(judge=useless)
    assert bench.summary.failed == useless.asked == asked
    assert {failure.stage for failure in bench.summary.failures} == {"resolve"}
    bench.build(judge=useless)
    assert (bench.summary.failed, useless.asked) == (asked, asked)


def test_resolving_again_changes_nothing_by_itself(bench):
    with bench.open() as workspace, workspace.writing():
        resolve_again(workspace, MODELS)
        assert workspace.store.digest() == bench.digest
