import os
import subprocess
import sys
import threading

import pytest

from kg.config import IndexConfig
from kg.schema import Document
from kg.workspace import Workspace
from models.errors import ConfigError, StoreError


def test_created_opened_and_copied_elsewhere(tmp_path):
    config = IndexConfig(chunk_tokens=99)
    document = Document("d:1", "a.md", "A", "Text.")
    with Workspace.create(tmp_path / "one", config) as workspace:
        workspace.store.put([document])
        assert all(folder.is_dir() for folder in (workspace.index_dir, workspace.adapters_dir, workspace.runs_dir))
    (tmp_path / "one").rename(tmp_path / "two")
    with Workspace.open(tmp_path / "two") as workspace:
        assert workspace.config == config
        assert list(workspace.store.read(Document)) == [document]
    for file in (tmp_path / "two").rglob("*"):
        assert not file.is_file() or str(tmp_path).encode() not in file.read_bytes()


def test_creating_twice_with_the_same_settings_opens_it(tmp_path):
    Workspace.create(tmp_path / "w", IndexConfig()).close()
    assert Workspace.exists(tmp_path / "w")
    again = Workspace.create(tmp_path / "w", IndexConfig())
    assert not again.is_new
    again.discard()
    assert Workspace.exists(tmp_path / "w")


def test_other_settings_are_refused_and_named(tmp_path):
    Workspace.create(tmp_path, IndexConfig()).close()
    with pytest.raises(ConfigError, match=r"chunk_tokens: 160, not 99; communities.seed: 0, not 3"):
        Workspace.create(tmp_path, IndexConfig.from_yaml("chunk_tokens: 99\ncommunities: {seed: 3}"))


@pytest.mark.parametrize("kind", ["missing", "file", "folder"])
def test_what_is_no_workspace_is_not_opened(tmp_path, kind):
    path = tmp_path / "x"
    if kind == "file":
        path.write_text("x")
    elif kind == "folder":
        path.mkdir()
    assert not Workspace.exists(path)
    with pytest.raises(StoreError, match="not a workspace"):
        Workspace.open(path)


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear")
    with pytest.raises(StoreError, match="not a workspace"):
        Workspace.create(tmp_path, IndexConfig())
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


def test_a_damaged_configuration_says_so(tmp_path):
    Workspace.create(tmp_path, IndexConfig()).close()
    (tmp_path / "graft.yaml").write_text("chunk_tokens: lots")
    with pytest.raises(ConfigError, match=r"graft\.yaml.*chunk_tokens"):
        Workspace.open(tmp_path)


def test_one_writes_at_a_time(tmp_path):
    workspace = Workspace.create(tmp_path, IndexConfig())
    other = Workspace.open(tmp_path)
    with (
        workspace.writing(),
        pytest.raises(StoreError, match=f"still being written by process {os.getpid()} after 0.1 s"),
        other.writing(wait_s=0.1),
    ):
        pass
    with other.writing(wait_s=0):
        pass


def test_a_writer_waits_for_the_other(tmp_path):
    workspace = Workspace.create(tmp_path, IndexConfig())
    other = Workspace.open(tmp_path)
    inside, order = threading.Event(), []

    def write():
        with workspace.writing():
            inside.set()
            threading.Event().wait(0.3)
            order.append("first")

    thread = threading.Thread(target=write)
    thread.start()
    inside.wait(10)
    with other.writing(wait_s=10):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_a_killed_writer_leaves_no_lock(tmp_path):
    Workspace.create(tmp_path, IndexConfig()).close()
    script = (
        "import sys, time; from pathlib import Path; from kg.workspace import Workspace\n"
        "with Workspace.open(Path(sys.argv[1])).writing(): print('in', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout.readline() == "in\n"
        with pytest.raises(StoreError, match=f"process {child.pid}"), Workspace.open(tmp_path).writing(wait_s=0):
            pass
        child.kill()
    with Workspace.open(tmp_path).writing(wait_s=5):
        pass


def test_a_misspelt_store_leaves_no_workspace_behind(tmp_path):
    with pytest.raises(ConfigError, match="Unknown store 'sqllite'"):
        Workspace.create(tmp_path / "kb", IndexConfig(store="sqllite"))
    assert not (tmp_path / "kb").exists()
