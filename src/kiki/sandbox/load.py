"""A load generator: distinct signed purchases over raw sockets, at a fixed rate or as fast as they are answered.

A process of its own, so that its CPU is told apart: `python -m kiki.sandbox.load --config JSON` (`--config -` reads it
from standard input) prints one JSON object when done. The configuration is `LoadConfig`, the output `LoadReport`.
"""

from __future__ import annotations

import argparse
import errno
import selectors
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator

import msgspec

from kiki.sandbox.load_plan import Expected, LoadStore, Mix, Plan

_READ_BYTES = 64 * 1024
_STALLED_SECONDS = 30.0
_NOT_YET = frozenset([errno.ENOTCONN, errno.EINPROGRESS, errno.EALREADY])
_CLOSE = b"Connection: close\r\n\r\n"
_KEEP = b"Connection: keep-alive\r\n\r\n"


class LoadConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One run. It ends after `seconds`, or after `purchases`, whichever comes first; what was begun is finished."""

    host: str = "127.0.0.1"
    port: int
    stores: tuple[LoadStore, ...]
    mix: Mix = Mix()
    seconds: float = 10.0
    purchases: int | None = None
    rate: float | None = None
    """Webhooks per second over all stores; None: closed loop."""
    connections: int = 16
    """At most so many at a time."""
    keep_alive_share: float = 0.0
    """Share of purchases whose connection is used again; the others open one of their own, as shops do."""


class LoadReport(msgspec.Struct, kw_only=True):
    """What was sent, how it was answered, and what must follow."""

    seconds: float
    purchases: int
    sent: int
    acknowledged: int
    acked_per_s: float
    statuses: dict[str, int]
    connection_errors: int
    ack_p50_ms: float
    ack_p90_ms: float
    ack_p99_ms: float
    ack_max_ms: float
    late_p99_ms: float
    """How long after its time a purchase was begun; large: the generator or the portal did not keep up."""
    cpu_seconds: float
    cpu_us_per_request: float
    first_sent_at: float
    last_acked_at: float
    """Unix times."""
    expected: dict[str, Expected]
    """By store key."""


class _Sender:
    """One connection and the purchase that it is sending."""

    __slots__ = ("buffer", "closes", "registered", "requests", "sent_at", "sock", "unsent")

    def __init__(self) -> None:
        self.sock: socket.socket | None = None
        self.requests: deque[tuple[bytes, bytes]] = deque()
        self.closes = True
        self.buffer = b""
        self.unsent = b""
        self.sent_at = 0.0
        self.registered = 0


class LoadGenerator:
    """Runs one configuration to its end, blocking."""

    def __init__(self, config: LoadConfig) -> None:
        self._config = config
        host = f"{config.host}:{config.port}"
        self._plans = [Plan(store, config.mix, host=host) for store in config.stores]
        self._selector = selectors.DefaultSelector()
        self._idle = [_Sender() for _ in range(config.connections)]
        self._busy: set[_Sender] = set()
        self._latencies: list[float] = []
        self._late: list[float] = []
        self._statuses: Counter[int] = Counter()
        self._errors = 0
        self._sent = 0
        self._purchases = 0
        self._kept = 0.0
        self._last_acked_at = 0.0

    def run(self) -> LoadReport:
        cpu, started, first_sent_at = time.process_time(), time.perf_counter(), time.time()
        due = self._schedule(started)
        next_due: float | None = next(due, None)
        while next_due is not None or self._busy:
            now = time.perf_counter()
            while next_due is not None and self._idle and next_due <= now:
                self._late.append(now - next_due if self._config.rate else 0.0)
                self._begin()
                next_due = next(due, None)
            wait = 0.5 if next_due is None or not self._idle else max(0.0, next_due - time.perf_counter())
            for key, events in self._selector.select(min(wait, 0.5)):
                self._ready(key.data, events)
            self._drop_stalled(now)
        return self._report(time.perf_counter() - started, time.process_time() - cpu, first_sent_at)

    def _schedule(self, started: float) -> Iterator[float]:
        """When each purchase is due; at a fixed rate the next one is planned by the webhooks that the last one had."""
        due, ends = started, started + self._config.seconds
        most = self._config.purchases
        while due < ends and (most is None or self._purchases < most):
            before = self._sent_and_queued
            yield due
            if self._config.rate:
                due += max(1, self._sent_and_queued - before) / self._config.rate
            else:
                due = time.perf_counter()

    @property
    def _sent_and_queued(self) -> int:
        return sum(plan.expected.deliveries for plan in self._plans)

    def _begin(self) -> None:
        sender = self._idle.pop()
        self._busy.add(sender)
        sender.requests.extend(self._plans[self._purchases % len(self._plans)].purchase())
        self._purchases += 1
        self._kept += self._config.keep_alive_share
        sender.closes = self._kept < 1.0
        if not sender.closes:
            self._kept -= 1.0
        self._send_next(sender)

    def _send_next(self, sender: _Sender) -> None:
        head, body = sender.requests[0]
        last = sender.closes and len(sender.requests) == 1
        sender.unsent = head + (_CLOSE if last else _KEEP) + body
        sender.sent_at = time.perf_counter()
        sender.buffer = b""
        if sender.sock is None:
            self._connect(sender)
        self._write(sender)

    def _connect(self, sender: _Sender) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect_ex((self._config.host, self._config.port))
        sender.sock = sock
        sender.registered = selectors.EVENT_READ
        self._selector.register(sock, selectors.EVENT_READ, sender)

    def _write(self, sender: _Sender) -> None:
        assert sender.sock is not None
        try:
            written = sender.sock.send(sender.unsent)
        except BlockingIOError:
            written = 0
        except OSError as error:
            if error.errno not in _NOT_YET:
                self._fail(sender)
                return
            written = 0
        sender.unsent = sender.unsent[written:]
        self._watch(sender, selectors.EVENT_READ | (selectors.EVENT_WRITE if sender.unsent else 0))

    def _watch(self, sender: _Sender, events: int) -> None:
        if sender.registered != events and sender.sock is not None:
            sender.registered = events
            self._selector.modify(sender.sock, events, sender)

    def _ready(self, sender: _Sender, events: int) -> None:
        if events & selectors.EVENT_WRITE and sender.unsent:
            self._write(sender)
        if events & selectors.EVENT_READ and sender.sock is not None:
            self._read(sender)

    def _read(self, sender: _Sender) -> None:
        assert sender.sock is not None
        try:
            data = sender.sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._fail(sender)
            return
        sender.buffer = sender.buffer + data if sender.buffer else data
        status, closes = _parse(sender.buffer)
        if status:
            self._answered(sender, status, closes=closes)

    def _answered(self, sender: _Sender, status: int, *, closes: bool) -> None:
        now = time.perf_counter()
        self._latencies.append(now - sender.sent_at)
        self._statuses[status] += 1
        self._sent += 1
        self._last_acked_at = time.time()
        sender.requests.popleft()
        if closes or (sender.closes and not sender.requests):
            self._hang_up(sender)
        if sender.requests:
            self._send_next(sender)
        else:
            self._busy.discard(sender)
            self._idle.append(sender)

    def _fail(self, sender: _Sender) -> None:
        """A connection that ended without an answer: the request counts as an error and is not sent again."""
        self._errors += 1
        self._sent += 1
        sender.requests.popleft()
        self._hang_up(sender)
        if sender.requests:
            self._send_next(sender)
        else:
            self._busy.discard(sender)
            self._idle.append(sender)

    def _hang_up(self, sender: _Sender) -> None:
        if sender.sock is not None:
            self._selector.unregister(sender.sock)
            sender.sock.close()
            sender.sock = None

    def _drop_stalled(self, now: float) -> None:
        for sender in [each for each in self._busy if now - each.sent_at > _STALLED_SECONDS]:
            self._fail(sender)

    def _report(self, seconds: float, cpu_seconds: float, first_sent_at: float) -> LoadReport:
        acknowledged = self._statuses[200]
        return LoadReport(
            seconds=round(seconds, 3),
            purchases=self._purchases,
            sent=self._sent,
            acknowledged=acknowledged,
            acked_per_s=round(acknowledged / seconds, 1) if seconds else 0.0,
            statuses={str(status): count for status, count in sorted(self._statuses.items())},
            connection_errors=self._errors,
            ack_p50_ms=_percentile_ms(self._latencies, 0.50),
            ack_p90_ms=_percentile_ms(self._latencies, 0.90),
            ack_p99_ms=_percentile_ms(self._latencies, 0.99),
            ack_max_ms=_percentile_ms(self._latencies, 1.0),
            late_p99_ms=_percentile_ms(self._late, 0.99),
            cpu_seconds=round(cpu_seconds, 3),
            cpu_us_per_request=round(cpu_seconds / self._sent * 1e6, 1) if self._sent else 0.0,
            first_sent_at=first_sent_at,
            last_acked_at=self._last_acked_at,
            expected={plan.store_key: plan.expected for plan in self._plans},
        )


def _parse(data: bytes) -> tuple[int, bool]:
    """(status, whether the connection ends) of a complete answer; status 0 while it is not complete."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return 0, False
    head = data[:end].lower()
    at = head.find(b"content-length:")
    length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    if len(data) < end + 4 + length:
        return 0, False
    return int(head[9:12]), b"connection: close" in head


def _percentile_ms(values: list[float], share: float) -> float:
    if not values:
        return 0.0
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 3)


def main() -> None:
    """Read the configuration, run, print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON text, or - for standard input")
    text = parser.parse_args().config
    config = msgspec.json.decode(sys.stdin.buffer.read() if text == "-" else text.encode(), type=LoadConfig)
    sys.stdout.buffer.write(msgspec.json.encode(LoadGenerator(config).run()) + b"\n")


if __name__ == "__main__":
    main()
