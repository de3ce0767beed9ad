"""`graft doctor`: what is installed and what is missing, one line each."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

import click

from app.options import json_option
from app.output import print_json, print_table
from models.errors import GraftError

PACKAGES = (
    "torch", "transformers", "peft", "sentence-transformers", "spacy", "networkx", "graspologic",
    "graspologic-native", "neo4j", "numpy", "bm25s", "xllamacpp", "openai",
)  # fmt: skip
MIN_FREE_GB = 10
"""Free disk space that is enough for the pinned weights and their conversions."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One line of the doctor.

    Attributes:
        name: What was checked.
        ok: Whether it is as it should be.
        seen: What was found, and what to do if it is not.
    """

    name: str
    ok: bool
    seen: str


def check_packages() -> list[HealthCheck]:
    """Whether each library is installed."""
    checks = []
    for name in PACKAGES:
        try:
            checks.append(HealthCheck(name, True, f"version {version(name)}"))
        except PackageNotFoundError:
            checks.append(HealthCheck(name, False, "not installed: run make setup"))
    return checks


def check_machine() -> list[HealthCheck]:
    """Python, processor cores, GPU and free disk space."""
    import torch

    from models.files.cache import cache_dir

    folder = cache_dir()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free_gb = shutil.disk_usage(existing).free / 1e9
    supported = (3, 11) <= sys.version_info[:2] <= (3, 12)
    python = f"version {platform.python_version()}"
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none: models run on the CPU"
    disk = f"{free_gb:.0f} GB free in {folder}"
    return [
        HealthCheck("python", supported, python if supported else f"{python}: install 3.11 or 3.12"),
        HealthCheck("cores", True, str(os.cpu_count())),
        HealthCheck("cuda", True, gpu),
        HealthCheck("disk", free_gb > MIN_FREE_GB, disk if free_gb > MIN_FREE_GB else f"{disk}: {MIN_FREE_GB} needed"),
    ]


def check_weights() -> list[HealthCheck]:
    """Which pinned weights are on this machine; a missing one is downloaded on first use, so it is no fault."""
    from models.weights.resolve import is_present, pinned_weights

    checks = []
    for entry in pinned_weights():
        missing = f"downloaded on first use, or by: graft models pull {entry.name}"
        checks.append(HealthCheck(entry.name, True, "on this machine" if is_present(entry.name) else missing))
    return checks


def check_neo4j() -> list[HealthCheck]:
    """Whether the database that the environment names can be used; without one nothing is missing."""
    if not os.environ.get("NEO4J_PASSWORD"):
        return [HealthCheck("neo4j server", True, "not configured (NEO4J_PASSWORD is not set); not needed")]
    from kg.stores.neo4j.server import Neo4jServer, ServerAddress

    try:
        address = ServerAddress.of_environment()
        with closing(Neo4jServer(address, retry_s=0)) as server:
            return [HealthCheck("neo4j server", True, f"version {server.version} at {address.uri}")]
    except GraftError as error:
        return [HealthCheck("neo4j server", False, str(error))]


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Check what is installed and what is missing.

    Looks at Python, the processor, the GPU, disk space, libraries, the Neo4j server and model weights. The exit code is
    1 if something that GRAFT needs is missing.

    \b
    Examples:
      graft doctor
      graft doctor --json
    """
    checks = check_machine() + check_packages() + check_neo4j() + check_weights()
    failed = [check for check in checks if not check.ok]
    if as_json:
        print_json({"ok": not failed, "checks": [asdict(check) for check in checks]})
        return 1 if failed else 0
    rows = [["ok" if check.ok else "MISSING", check.name, check.seen] for check in checks]
    print_table(["status", "checked", "found"], rows)
    click.echo(f"{len(failed)} of {len(checks)} checks failed." if failed else "Everything that GRAFT needs is here.")
    return 1 if failed else 0
