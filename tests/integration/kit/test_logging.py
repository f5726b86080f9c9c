"""Every line of a process is an event with fields, whoever wrote it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

_PROCESS = """
import asyncio, logging, socket, sys, threading, warnings
import uvicorn
from kiki.kit.logging import configure_logging, get_logger

async def answer(scope, receive, send):
    raise ValueError("inside the application")

async def serve():
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(answer, log_config=None, lifespan="off", http="httptools", ws="none")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    for request in (b"GET / HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n", b"\\x00nonsense\\r\\n\\r\\n"):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(request)
        await reader.read()
        writer.close()
    server.should_exit = True
    await task

configure_logging(level="INFO", json=sys.argv[1] == "json", component="portal")
get_logger("test").info("stored", store_id=7)
logging.getLogger("library").warning("a %s\\nof two lines", "sentence")
warnings.warn("take care", stacklevel=1)
asyncio.run(serve())
thread = threading.Thread(target=lambda: 1 / 0, name="side")
thread.start()
thread.join()
raise KeyError("at the end")
"""


def _run(form: str) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "-c", _PROCESS, form], check=False, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    return ended.stderr.splitlines()


def _of(lines: list[dict[str, Any]], component: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["component"] == component]


def test_every_line_is_a_json_object_with_the_same_fields() -> None:
    lines = [json.loads(line) for line in _run("json")]
    for line in lines:
        assert {"event", "level", "timestamp", "component", "process"} <= set(line), line
        assert line["process"] == "portal", line
    (ours,) = _of(lines, "test")
    assert (ours["event"], ours["level"], ours["store_id"]) == ("stored", "info", 7)
    (library,) = _of(lines, "library")
    assert (library["event"], library["level"]) == ("library_message", "warning")
    assert library["message"] == "a sentence\nof two lines"
    (warned,) = _of(lines, "py.warnings")
    assert "take care" in warned["message"]


def test_uvicorn_writes_events_too() -> None:
    uvicorn = _of([json.loads(line) for line in _run("json")], "uvicorn.error")
    assert {line["event"] for line in uvicorn} == {"library_message"}
    messages = {line["message"]: line for line in uvicorn}
    assert any(message.startswith("Started server process") for message in messages)
    assert "Invalid HTTP request received." in messages
    failed = next(line for message, line in messages.items() if message.startswith("Exception in ASGI application"))
    assert failed["level"] == "error"
    assert "inside the application" in failed["exception"]


def test_what_nobody_caught_is_an_event() -> None:
    uncaught = [line for line in map(json.loads, _run("json")) if line["event"] == "uncaught"]
    assert [(line["level"], line["error"]) for line in uncaught] == [
        ("critical", "ZeroDivisionError"),
        ("critical", "KeyError"),
    ]
    assert "at the end" in uncaught[1]["exception"]


@pytest.mark.parametrize("word", ["stored", "store_id=7", "library_message", "uncaught"])
def test_on_a_terminal_the_same_is_readable(word: str) -> None:
    assert any(word in line for line in _run("text"))
