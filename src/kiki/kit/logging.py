"""Logs are events with fields: one JSON object a line, or a readable line on a terminal."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def configure_logging(*, level: str = "INFO", json: bool = True, component: str = "") -> None:
    """Set up structlog and the standard library's root logger; called by `runtime` once per process."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    renderer: Any = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s", force=True)
    for noisy in ("httpx", "httpcore", "uvicorn.access", "asyncio", "alembic", "grpc"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Pools complain with a traceback each while the server is away; who needs a connection says so in one line.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
    if component:
        structlog.contextvars.bind_contextvars(process=component)


def get_logger(name: str) -> Any:
    """A logger that adds `component=name`; fields only, never personal data or secrets."""
    return structlog.get_logger(component=name)
