"""Logs are events with fields: one JSON object a line, or a readable line on a terminal.

Libraries write sentences through the standard library's `logging`, `warnings` and uncaught exceptions; here they become
the event `library_message` with the sentence as a field, so that every line of a process has one form.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import MutableMapping
from pathlib import PurePath
from types import TracebackType
from typing import Any

import structlog

_MAX_FRAMES = 12
_QUIET = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "uvicorn.access": logging.WARNING,
    "asyncio": logging.WARNING,
    "alembic": logging.WARNING,
    "grpc": logging.WARNING,
    # Pools complain with a traceback each while the server is away; who needs a connection says so in one line.
    "asyncpg.pool": logging.ERROR,
}


def configure_logging(*, level: str = "INFO", json: bool = True, component: str = "") -> None:
    """Set up structlog and the standard library's root logger; called by `runtime` once per process.

    `component` names the process in each of its lines, whichever thread writes it.
    """
    structlog.configure(
        processors=[*_shared(component), _renderer(json=json)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(library_formatter(json=json, process=component))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(quiet)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def get_logger(name: str) -> Any:
    """A logger that adds `component=name`; fields only, never personal data or secrets."""
    return structlog.get_logger(component=name)


def kinds_of(error: BaseException) -> str:
    """The names of an error's type and of what it was raised from. Its text may hold what was sent, and stays out."""
    cause = error.__cause__
    return type(error).__name__ if cause is None else f"{type(error).__name__} from {kinds_of(cause)}"


def frames_of(error: BaseException) -> list[str]:
    """Where it came from, the innermost last, down to the first cause."""
    while error.__cause__ is not None:
        error = error.__cause__
    found = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]
    return [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in found]


def library_formatter(*, json: bool, process: str = "") -> logging.Formatter:
    """Writes a library's record as the event `library_message` of the component that the logger is named for."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_as_event, *_shared(process)],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(json=json)],
    )


def _shared(process: str) -> list[structlog.typing.Processor]:
    def named(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if process:
            event["process"] = process
        return event

    return [
        structlog.contextvars.merge_contextvars,
        named,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]


def _renderer(*, json: bool) -> Any:
    if json:
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)


def _as_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    record: logging.LogRecord = event["_record"]
    event["message"] = event["event"]
    event["event"] = "library_message"
    event["component"] = record.name
    return event


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    get_logger("process").critical("uncaught", error=kind.__name__, exc_info=(kind, error, trace))


def _log_uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
    thread = given.thread.name if given.thread else ""
    error = given.exc_value or given.exc_type()
    if isinstance(error, SystemExit):
        return
    get_logger("process").critical("uncaught", error=type(error).__name__, thread=thread, exc_info=error)
