"""What Python and libraries write on stderr by themselves, without secrets: tracebacks, warnings and logs.

Errors and remarks of GRAFT pass through `app.output`. A library that fails in its own way, or that was asked to log
(OPENAI_LOG=debug), knows nothing of keys.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import traceback
import warnings
from types import TracebackType

from models.redaction import redact


def guard_stderr() -> None:
    """Take secrets out of tracebacks, warnings and logs, for the life of the process. Call it once or many times."""
    sys.excepthook = _print_exception
    threading.excepthook = _print_thread_exception
    warnings.formatwarning = _format_warning
    logging.setLogRecordFactory(_log_record)


def print_traceback(error: BaseException) -> None:
    """Print the traceback of an error on stderr."""
    sys.stderr.write(redact("".join(traceback.format_exception(error))))


def _print_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    print_traceback(error)


def _print_thread_exception(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
        print_traceback(ended.exc_value)


def _format_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    return redact(f"{filename}:{lineno}: {category.__name__}: {message}\n")


def _log_record(*args: object, **keywords: object) -> logging.LogRecord:
    record = logging.LogRecord(*args, **keywords)  # type: ignore[arg-type]
    if record.args or record.msg:
        with contextlib.suppress(TypeError, ValueError):  # wrong arguments: logging itself says so
            record.msg, record.args = redact(record.getMessage()), ()
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = redact("".join(traceback.format_exception(record.exc_info[1])).rstrip())
    return record
