"""A headless Chromium, driven over its debugging pipe: the DevTools protocol as JSON, each message ended by a NUL byte.

The pipe is two plain file descriptors, so that no library is needed. Every browser has a profile of its own; hosts
that are not named resolve to nothing.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DEADLINE_SECONDS = 60.0
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
_READ_BYTES = 1 << 16
_FLAGS = (
    "--headless",
    "--no-sandbox",  # It does not start as root otherwise; the only pages are ours.
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,Translate",
    "--no-first-run",
    "--no-default-browser-check",
    "--remote-debugging-pipe",
)
_AS_A_PERSON = ("--disable-blink-features=AutomationControlled", f"--user-agent={AGENT}")
"""A browser that is driven says so in `navigator.webdriver`, a headless one in its user agent."""
_LAUNCH = (
    "import fcntl,os,sys\n"
    "high=[fcntl.fcntl(int(n),fcntl.F_DUPFD,10) for n in sys.argv[1:3]]\n"
    "for n,given in zip(high,(3,4)): os.dup2(n,given)\n"
    "os.execv(sys.argv[3],sys.argv[3:])"
)
"""The browser reads commands from descriptor 3 and writes answers to 4."""


class BrowserFailed(AssertionError):
    """The browser is gone or does not answer."""


class PageFailed(BrowserFailed):
    """A command was refused, or code threw in the page."""


@dataclass
class Chromium:
    """A browser with one tab. Calls block; from a coroutine they are made in a thread."""

    process: subprocess.Popen[bytes]
    commands: int
    answers: int
    session: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    """What the tab told since it was opened, in order."""
    _number: int = 0
    _buffer: bytes = b""

    def call(self, method: str, **parameters: Any) -> Any:
        """A command's result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        answer = self._take(lambda told: told.get("id") == self._number, method)
        if "error" in answer:
            raise PageFailed(f"{method}: {answer['error']}")
        return answer["result"]

    def open_tab(self) -> None:
        """An empty tab whose page, script and network events are told."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    def visit(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        seen = len(self.events)
        answer = self.call("Page.navigate", url=url)
        if "errorText" in answer:
            raise PageFailed(f"{url}: {answer['errorText']}")
        self._wait_for("Page.loadEventFired", seen)

    def reload(self) -> None:
        """As the visitor's key does."""
        seen = len(self.events)
        self.call("Page.reload")
        self._wait_for("Page.loadEventFired", seen)

    def click(self, selector: str) -> None:
        """Press what the selector finds; what it loads is waited for by the caller."""
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def run(self, code: str) -> Any:
        """An expression's value in the page; a promise's, once it is kept."""
        answer = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise PageFailed(f"{code}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, code: str) -> None:
        """Wait until an expression is true in the page, or in the one that it leads to."""
        end, seen = time.monotonic() + DEADLINE_SECONDS, ""
        while True:
            try:
                if self.run(code):
                    return
            except PageFailed as error:  # The page is on its way to another.
                seen = str(error)
            if time.monotonic() > end:
                raise BrowserFailed(f"never true: {code} {seen}")
            time.sleep(0.02)

    def turns(self, seconds: float) -> None:
        """Let the page live on for a while."""
        self.run(f"new Promise((done) => setTimeout(done, {seconds * 1000}))")

    def cookies(self) -> list[dict[str, Any]]:
        """All cookies of the profile, whichever host they belong to."""
        found: list[dict[str, Any]] = self.call("Storage.getCookies")["cookies"]
        return found

    def requests(self, url_part: str) -> list[dict[str, Any]]:
        """The requests to such addresses, as they left."""
        sent = [each["params"]["request"] for each in self.events if each["method"] == "Network.requestWillBeSent"]
        return [request for request in sent if url_part in request["url"]]

    def body_of(self, url_part: str) -> str:
        """What the first request to such an address was answered with."""
        number = next(
            each["params"]["requestId"]
            for each in self.events
            if each["method"] == "Network.responseReceived" and url_part in each["params"]["response"]["url"]
        )
        body: str = self.call("Network.getResponseBody", requestId=number)["body"]
        return body

    def _wait_for(self, name: str, seen: int) -> None:
        if not any(event["method"] == name for event in self.events[seen:]):
            self._take(lambda told: told.get("method") == name, name)

    def _take(self, wanted: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """The next message that is wanted; events on the way are kept."""
        end = time.monotonic() + DEADLINE_SECONDS
        while True:
            while b"\0" in self._buffer:
                raw, _, self._buffer = self._buffer.partition(b"\0")
                told = json.loads(raw)
                if "method" in told:
                    self.events.append(told)
                if wanted(told):
                    return told
            ready, _, _ = select.select([self.answers], [], [], max(0.0, end - time.monotonic()))
            part = os.read(self.answers, _READ_BYTES) if ready else b""
            if not part:
                state = "is gone" if ready else "does not answer"
                raise BrowserFailed(f"the browser {state}: {what}, exit code {self.process.poll()}")
            self._buffer += part


@contextmanager
def chromium(
    hosts: Mapping[str, int], *, person: bool = True, preferences: Mapping[str, Any] | None = None
) -> Iterator[Chromium]:
    """A browser for which each host is a port of this machine; their pages count as secure."""
    assert PROGRAM is not None
    rules = [f"MAP {host} 127.0.0.1:{port}" for host, port in hosts.items()]
    with tempfile.TemporaryDirectory(prefix="kiki-chromium-", ignore_cleanup_errors=True) as folder:
        if preferences:
            profile = Path(folder) / "Default"
            profile.mkdir()
            (profile / "Preferences").write_text(json.dumps(preferences))
        flags = [
            *_FLAGS,
            *(_AS_A_PERSON if person else ()),
            f"--user-data-dir={folder}",
            f"--host-resolver-rules={','.join([*rules, 'MAP * ~NOTFOUND'])}",
            f"--unsafely-treat-insecure-origin-as-secure={','.join(f'http://{host}' for host in hosts)}",
        ]
        with _started([PROGRAM, *flags]) as browser:
            browser.open_tab()
            yield browser


@contextmanager
def _started(command: list[str]) -> Iterator[Chromium]:
    to_browser, commands = os.pipe()
    answers, from_browser = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _LAUNCH, str(to_browser), str(from_browser), *command],
        pass_fds=(to_browser, from_browser),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield Chromium(process, commands, answers)
    finally:
        os.close(commands)  # The end of its commands is the browser's end.
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(answers)
