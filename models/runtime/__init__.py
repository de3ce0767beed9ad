"""The running process: progress, number of processors, and imports by name.

Knows no file format, no model and nothing of the graph.

- `progress` is the protocol by which stages report how far they are.
- `dotted` imports the user's own class from `package.module:Class`.
- `lazy` imports a package's exports on first use.
- `batches` cuts an iterable into lists; `processors` counts processors; `quiet` silences transformers' own bars.
"""

from models.runtime.dotted import is_dotted, load_dotted
from models.runtime.progress import SILENT, Progress, Step

__all__ = ["SILENT", "Progress", "Step", "is_dotted", "load_dotted"]
