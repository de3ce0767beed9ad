"""`graft doctor`: what works here and what is missing, one line each."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

import click

from app.options import json_option, print_json, print_table
from models.errors import GraftError

PACKAGES = (
    "torch", "transformers", "peft", "sentence-transformers", "spacy", "networkx", "graspologic",
    "graspologic-native", "neo4j", "numpy", "bm25s", "xllamacpp", "openai",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor: what was looked at, whether it is well, and what was seen."""

    name: str
    ok: bool
    seen: str


def check_packages() -> list[Check]:
    """Whether each library is installed."""
    checks = []
    for name in PACKAGES:
        try:
            checks.append(Check(name, True, version(name)))
        except PackageNotFoundError:
            checks.append(Check(name, False, "missing: run make setup"))
    return checks


def check_machine() -> list[Check]:
    """Python, cores, disk, accelerator."""
    import torch

    from models.files.paths import cache_dir

    folder = cache_dir()
    place = next(path for path in (folder, *folder.parents) if path.exists())
    free_gb = shutil.disk_usage(place).free / 1e9
    supported = (3, 11) <= sys.version_info[:2] <= (3, 12)
    return [
        Check("python", supported, f"{platform.python_version()} (3.11 or 3.12 wanted)"),
        Check("cores", True, str(os.cpu_count())),
        Check(
            "cuda",
            True,
            torch.cuda.get_device_name() if torch.cuda.is_available() else "none; everything runs on the CPU",
        ),
        Check("disk", free_gb > 10, f"{free_gb:.0f} GB free for weights in {folder} (10 wanted)"),
    ]


def check_weights() -> list[Check]:
    """Which pinned weights are here already; a missing one is fetched on first use, so it is no fault."""
    from models.weights.resolve import is_present, known

    return [
        Check(entry.name, True, "here" if is_present(entry.name) else f"graft models pull {entry.name}")
        for entry in known()
    ]


def check_neo4j() -> list[Check]:
    """Whether the database that the environment names can be used; without one nothing is missing."""
    if not os.environ.get("NEO4J_PASSWORD"):
        return [Check("neo4j server", True, "none named (NEO4J_PASSWORD is not set); stores are embedded")]
    from kg.stores.neo4j.server import Address, Server

    try:
        address = Address.of_environment()
        with closing(Server(address, retry_s=0)) as server:
            return [Check("neo4j server", True, f"{server.version} at {address.uri}")]
    except GraftError as error:
        return [Check("neo4j server", False, str(error))]


@click.command(short_help="Say what works here and what is missing.")
@json_option
def doctor(as_json: bool) -> int:
    """Look at Python, libraries, machine, database and weights; exit code 1 if something is missing.

    \b
    graft doctor --json
    """
    checks = check_machine() + check_packages() + check_neo4j() + check_weights()
    if as_json:
        print_json({"ok": all(check.ok for check in checks), "checks": [asdict(check) for check in checks]})
    else:
        print_table(["", "", ""], [["ok" if check.ok else "MISSING", check.name, check.seen] for check in checks])
    return 0 if all(check.ok for check in checks) else 1
