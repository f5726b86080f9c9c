"""HTTP for webhooks: what comes to `/webhooks/` is answered by the protocol itself, the rest goes to the ASGI app.

A webhook needs no scope, no task and no `receive`/`send`: its head and body are gathered in the parser's callbacks, and
the group commit calls back. Answers leave in the order of the requests. A connection whose pipelined requests are for
both sides ends after those that came first; their sender tries the others again, as RFC 9112 has it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from kiki.kit.clock import monotonic
from kiki.portal.crowded import crowded
from kiki.portal.errors import Overloaded
from kiki.portal.intake import answers
from kiki.portal.intake.answers import Answer
from kiki.portal.intake.body import ReadingBudget
from kiki.portal.intake.exchange import Exchange
from kiki.portal.intake.metrics import IntakeMetrics
from kiki.portal.intake.routes import webhook_path
from kiki.portal.intake.rules import UNKNOWN, Arrival, Intake, Limits, Opened, answer_of
from kiki.portal.request_ids import RequestIds

_MAX_HEAD_BYTES = 256 * 1024
_MAX_FRAMING_BYTES = 2 * _MAX_HEAD_BYTES
"""Between two parts of a body, or behind its last: trailers and extensions of chunks, which nobody here reads."""
_MAX_PIPELINED = 50
"""Requests to the application that wait for the answers of those before; each costs a hundred times its bytes."""
_LINGER_SECONDS = 2.0
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class WebhookDoor:
    """What all connections share."""

    def __init__(self, intake: Intake, metrics: IntakeMetrics, limits: Limits, budget: ReadingBudget) -> None:
        self.intake = intake
        self.metrics = metrics
        self.body_seconds = limits.body_seconds
        self.budget = budget
        self.crowded = RequestIds(crowded)
        self._fields: list[tuple[bytes, bytes]] | None = None
        self._common = b""

    def protocol(self) -> type[WebhookProtocol]:
        """The protocol class for uvicorn, which makes one per connection."""

        class Protocol(WebhookProtocol):
            door = self

        return Protocol

    def common(self, fields: list[tuple[bytes, bytes]]) -> bytes:
        """uvicorn's default fields, a new list every second, as header lines."""
        if fields is not self._fields:
            self._fields = fields
            self._common = b"".join(b"%s: %s\r\n" % field for field in fields)
        return self._common

    def count(self, exchange: Exchange, answer: Answer) -> None:
        self.metrics.answered(self.intake.platform_of(exchange.path), answer.outcome)
        if answer.status == 200:
            self.metrics.accepted_within(monotonic() - exchange.started_at)


class WebhookProtocol(HttpToolsProtocol):
    """One connection. The parser calls the `on_…` methods; everything runs on the loop, none of it waits."""

    door: WebhookDoor

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._most, self.limit_concurrency = self.limit_concurrency, None
        """uvicorn would answer what is too much in its own words."""
        self._turns: deque[Exchange] = deque()
        """Unanswered webhooks in the order of their requests."""
        self._current: Exchange | None = None
        """The webhook whose body is being read."""
        self._ends = False
        """No further request is taken; the connection ends when those before are answered."""
        self._skips = False
        """One began that is not taken: nothing is parsed any more."""
        self._closes_at = 0.0
        """Set: the last answer is out, and what still comes is thrown away until then."""
        self._unread_bytes = 0
        """What came since the parser told something."""
        self._in_head = False
        self._offers = False
        """The request offers another protocol: its parser would take what follows, body or request, for that."""
        self._active_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        self.connections.add(self)
        self.transport = transport
        self.flow = FlowControl(transport)
        self._active_at = monotonic()

    def data_received(self, data: bytes) -> None:
        if self._skips or (self._closes_at and self._current is None):
            return
        if not self._in_head:
            self._active_at = monotonic()
        self._unread_bytes += len(data)
        if self._unread_bytes > (_MAX_HEAD_BYTES if self._in_head else _MAX_FRAMING_BYTES):
            self._give_up(answers.HEADERS_TOO_LARGE)
            return
        self._unset_keepalive_if_required()
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        """uvicorn's own writes a line to the log for whatever anybody sends that is no HTTP."""
        rest: bytes | memoryview = data
        try:
            while rest:
                try:
                    self.parser.feed_data(rest)
                except httptools.HttpParserUpgrade as offer:
                    if not self._offers:
                        return
                    rest = memoryview(rest)[offer.args[0] :]
                    self.parser.feed_data(self._without_offer())
                else:
                    return
        except httptools.HttpParserError:
            if not self._skips:
                self._give_up(answers.MALFORMED)

    def _without_offer(self) -> bytes:
        """The head as a sender writes it who offers nothing (RFC 9110, 7.8)."""
        parser = self.parser
        line = b"%s %s HTTP/%s\r\n" % (parser.get_method(), self.url, parser.get_http_version().encode())
        fields = [b"%s: %s\r\n" % (name, value) for name, value in self.headers if name.lower() != b"upgrade"]
        return b"".join((line, *fields, b"\r\n"))

    def eof_received(self) -> bool | None:  # type: ignore[override]  # uvicorn never keeps a half-closed connection
        """A sender that only closed its own direction still gets the answers that are under way."""
        if self._turns and self._current is None:
            self._ends = True
            return True
        if not self._turns and self._application_is_busy() and not self.cycle.more_body:
            self._end_after_application()
            return True
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        current, self._current = self._current, None
        if current is not None and current.answer is None:
            current.abandon()
            self.door.metrics.answered(self.door.intake.platform_of(current.path), "sender_gone")
        self._turns.clear()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Answers that are due are given first."""
        if self._turns:
            self._ends = True
        elif self._current is not None:
            self.transport.close()
        else:
            super().shutdown()

    def pause_writing(self) -> None:
        """A sender that does not read its answers sends no more requests."""
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._regulate()

    def on_message_begin(self) -> None:
        if self._ends:
            self._skips = True
            raise httptools.HttpParserError("nothing more is taken")
        self.url = b""
        self.headers = []
        self._in_head = True
        self._offers = False
        self._unread_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Fields of the head; what comes behind the body is no header (RFC 9110, 6.5.1), least of all a key."""
        if self._in_head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._unread_bytes = 0
        if self._ends:
            return
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise httptools.HttpParserError("nothing is tunnelled here")
            self._offers = True
            return
        path = webhook_path(self.url)
        if path is None:
            self._to_application()
        elif self._application_is_busy():
            self._end_after_application()
        else:
            self._open(path)

    def on_body(self, body: bytes) -> None:
        self._unread_bytes = 0
        exchange = self._current
        if exchange is None:
            if not self._ends:
                super().on_body(body)
        elif exchange.answer is None:
            arrival = exchange.arrival
            if arrival is not None and exchange.size + len(body) > arrival.limit:
                exchange.reply(self.door.intake.too_large(arrival))
                return
            try:
                exchange.take(body)
            except Overloaded:
                exchange.reply(answers.OVERLOADED)

    def on_message_complete(self) -> None:
        self._unread_bytes = 0
        exchange = self._current
        if exchange is None:
            if not (self._ends or self._offers):
                super().on_message_complete()
                if len(self.pipeline) >= _MAX_PIPELINED:
                    self._end_after_application()
            return
        self._current = None
        exchange.received = True
        if exchange.answer is None:
            if exchange.arrival is not None:
                self._finish(exchange, exchange.arrival)
        elif self._closes_at:
            self.transport.close()

    def on_response_complete(self) -> None:
        """However long the application took: from here on the connection is idle."""
        self._active_at = monotonic()
        super().on_response_complete()

    def _give_up(self, answer: Answer) -> None:
        """What cannot be parsed is answered in its turn, and ends the connection."""
        if self._closes_at or self.transport.is_closing():
            self.transport.close()
            return
        current, self._current = self._current, None
        if current is not None and current.answer is None:
            current.abandon()
            self._turns.remove(current)
        self._ends = True
        if self._turns:
            return
        if not self._application_is_busy():
            self._part_with(answer)
        elif not self.cycle.more_body:
            self._end_after_application()
        elif self.cycle.response_started or self.pipeline:
            self.transport.close()
        else:
            self._part_with(answer)

    def _part_with(self, answer: Answer) -> None:
        """Say it and hang up; what still comes is thrown away for a moment, as in `_end`."""
        self.door.metrics.answered(UNKNOWN, answer.outcome)
        self.transport.write(answer.wire(self.door.common(self.server_state.default_headers), last=True))
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self._closes_at = monotonic() + _LINGER_SECONDS
        else:
            self.transport.close()

    def _end_after_application(self) -> None:
        """What the application answers is the last on this connection."""
        self.cycle.keep_alive = False
        self._ends = True

    def sweep(self, now: float) -> None:
        """Called a few times a second: ends what takes too long."""
        current = self._current
        if self._closes_at:
            if now > self._closes_at:
                self.transport.abort()
        elif current is not None:
            late = now > current.started_at + self.door.body_seconds
            if late and current.answer is not None:
                self.transport.close()
            elif late and current.arrival is not None:
                current.reply(answers.TOO_SLOW)
        elif not self._turns and not self._application_is_busy() and now > self._active_at + self.timeout_keep_alive:
            self.transport.close()

    def _to_application(self) -> None:
        """A request that is not ours, as uvicorn would have met it."""
        if self._turns:
            self._ends = True
            return
        if self.scheme is None:
            self.server, self.client = get_local_addr(self.transport), get_remote_addr(self.transport)
            self.scheme = "https" if is_ssl(self.transport) else "http"
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        self.app = self.door.crowded if self._is_crowded() else self.config.loaded_app
        super().on_headers_complete()

    def _is_crowded(self) -> bool:
        return self._most is not None and max(len(self.connections), len(self.tasks)) > self._most

    def _application_is_busy(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _open(self, path: str) -> None:
        parser, method = self.parser, self.parser.get_method()
        keep_alive = parser.should_keep_alive() and parser.get_http_version() != "1.0"
        exchange = Exchange(self._told, self.door.budget, path, keep_alive=keep_alive)
        exchange.head_only = method == b"HEAD"
        self._current = exchange
        self._turns.append(exchange)
        opened = self._decide(method, path)
        if isinstance(opened, Arrival):
            exchange.wants_continue = opened.headers.get("expect", "").lower() == "100-continue"
            self._opened(exchange, opened)
        else:
            exchange.wants_continue = any(name.lower() == b"expect" for name, _ in self.headers)
            if isinstance(opened, Answer):
                exchange.reply(opened)
            else:
                self._spawn(exchange, self._opened_later(exchange, opened))
        self._regulate()

    def _decide(self, method: bytes, path: str) -> Opened:
        if self._is_crowded():
            return answers.OVERLOADED
        try:
            return self.door.intake.open(method, path, self.headers)
        except Exception as error:  # noqa: BLE001  # the HTTP edge: whatever it is, the sender gets an answer
            return answer_of(error, self.door.intake.platform_of(path))

    async def _opened_later(self, exchange: Exchange, opening: Coroutine[None, None, Answer | Arrival]) -> None:
        self._opened(exchange, await opening)
        self._regulate()

    def _opened(self, exchange: Exchange, opened: Answer | Arrival) -> None:
        if exchange.answer is not None:
            return
        if isinstance(opened, Answer):
            exchange.reply(opened)
            return
        exchange.arrival = opened
        if exchange.size > opened.limit:
            exchange.reply(self.door.intake.too_large(opened))
        elif exchange.received:
            self._finish(exchange, opened)
        elif exchange.wants_continue and self._turns[0] is exchange:
            self._invite(exchange)

    def _invite(self, exchange: Exchange) -> None:
        exchange.wants_continue = False
        self.transport.write(_CONTINUE)

    def _finish(self, exchange: Exchange, arrival: Arrival) -> None:
        try:
            later = self.door.intake.finish(arrival, exchange.body(), exchange.reply)
        except Exception as error:  # noqa: BLE001  # the HTTP edge: whatever it is, the sender gets an answer
            exchange.reply(answer_of(error, arrival.platform.name))
            return
        if later is not None:
            self._spawn(exchange, later)

    def _spawn(self, exchange: Exchange, work: Coroutine[None, None, None]) -> None:
        """The few requests that have to wait for something have a task; uvicorn waits for it when it stops."""
        task = self.loop.create_task(self._guarded(exchange, work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _guarded(self, exchange: Exchange, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  # the HTTP edge: whatever it is, the sender gets an answer
            exchange.reply(answer_of(error, self.door.intake.platform_of(exchange.path)))

    def _told(self, exchange: Exchange) -> None:
        """An exchange has its answer: give all answers whose turn it is."""
        assert exchange.answer is not None
        self.door.count(exchange, exchange.answer)
        turns = self._turns
        while turns and (answer := turns[0].answer) is not None:
            first = turns.popleft()
            if self.transport.is_closing():
                continue
            last = self._is_last(first, answer)
            common = self.door.common(self.server_state.default_headers)
            self.transport.write(answer.wire(common, last=last, head_only=first.head_only))
            self.server_state.total_requests += 1
            if last:
                self._end()
                return
        if turns and turns[0].wants_continue and turns[0].arrival is not None:
            self._invite(turns[0])
        self._regulate()

    def _is_last(self, exchange: Exchange, answer: Answer) -> bool:
        """A sender that waits for 100 Continue may or may not send the body that was refused: then nobody knows where
        its next request begins."""
        return (
            not exchange.keep_alive
            or answer.closes
            or (exchange.wants_continue and not exchange.received)
            or (self._ends and not self._turns)
        )

    def _end(self) -> None:
        """The last answer is out. What is under way to us is still read for a moment: closing at once would make the
        system throw away an answer that its receiver has not read yet."""
        self._ends = True
        self._turns.clear()
        if self._current is None:
            self.transport.close()
        else:
            self._closes_at = monotonic() + _LINGER_SECONDS
            self.flow.resume_reading()

    def _regulate(self) -> None:
        """Read on unless there is enough to do: pipelined requests, a store that is looked up, answers not read."""
        if self.transport.is_closing():
            return
        exchange = self._current
        looking = exchange is not None and exchange.arrival is None and exchange.answer is None
        if looking or len(self._turns) > 1 or self.flow.write_paused:
            self.flow.pause_reading()
        else:
            self.flow.resume_reading()
