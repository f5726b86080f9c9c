"""What `kiki doctor` says of exchange rates and of the worker's jobs."""

from __future__ import annotations

import datetime as dt

import pytest

from kiki.commerce.exchange.repository import Fetch
from kiki.commerce.exchange.watch import Watch
from kiki.orchestrator.inbox.job_runs import JobRun
from kiki.runtime.checks import judge_agent, judge_jobs, judge_rates

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
NEWEST = dt.date(2026, 11, 20)
HOST = "bank.example"


def fetched(hours: float, problem: str = "") -> Fetch:
    return Fetch(HOST, NOW, NOW - hours * HOUR, NEWEST, problem=problem)


@pytest.mark.parametrize(
    ("seen", "place", "fetch", "state", "says"),
    [
        (Watch(), "", None, "ok", "no order lacks one, none is kept"),
        (Watch(waiting=5, newest_day=NEWEST), "", None, "ok", "no order lacks one, newest of 2026-11-20"),
        (Watch(5, 3, 2, NEWEST), "", None, "warning", "nobody knows: 3 (rates: 2); see `kiki rates missing`"),
        (Watch(newest_day=NEWEST), HOST, fetched(72), "ok", "newest of 2026-11-20"),
        (Watch(newest_day=NEWEST), HOST, fetched(20, "HTTP_TIMEOUT: no answer"), "ok", "newest of 2026-11-20"),
        (Watch(), HOST, fetched(72.1), "warning", "rates of bank.example were last read 2026-11-20 11:54 UTC; see"),
        (Watch(), HOST, fetched(99, "HTTP_TIMEOUT: no answer"), "warning", "UTC (HTTP_TIMEOUT: no answer); see"),
        (Watch(), HOST, Fetch(HOST, NOW, problem="BAD_FILE: x"), "warning", "have never been read (BAD_FILE: x)"),
        (Watch(), HOST, None, "warning", "rates of bank.example have never been read; see `kiki rates fetches`"),
        (
            Watch(5, 3, 2),
            HOST,
            fetched(99),
            "warning",
            "nobody knows: 3 (rates: 2); see `kiki rates missing`; rates of",
        ),
    ],
)
def test_orders_without_a_rate_and_old_fetches_are_warned_of(
    seen: Watch, place: str, fetch: Fetch | None, state: str, says: str
) -> None:
    finding = judge_rates(seen, place, fetch, NOW)
    assert (finding.check, finding.state) == ("exchange rates", state)
    assert says in finding.detail


def job(age_seconds: float | None = 5.0, problem: str = "", held_until: dt.datetime | None = None) -> JobRun:
    return JobRun("months_closed", 600.0, NOW, None, problem, held_until, age_seconds)


@pytest.mark.parametrize(
    ("runs", "state", "says"),
    [
        ([], "ok", "no worker has run yet"),
        ([job(), job(2400.0)], "ok", "2 jobs of the worker on time"),
        ([job(2401.0)], "warning", "months_closed last succeeded 2401 s ago; is a worker running?"),
        ([job(), job(None, "NO_ROOM")], "warning", "months_closed fails (NO_ROOM); is"),
        ([job(9999.0, held_until=NOW)], "warning", "months_closed wait until 2026-11-23 12:00 UTC: the clock made a"),
    ],
)
def test_jobs_that_fail_or_wait_are_warned_of(runs: list[JobRun], state: str, says: str) -> None:
    finding = judge_jobs(runs)
    assert (finding.check, finding.state) == ("jobs", state)
    assert says in finding.detail


@pytest.mark.parametrize(
    ("trouble", "state", "says"),
    [
        ("", "ok", "host:1 serving"),
        (
            "connect: Connection refused (111)",
            "failed",
            "refused (111); start it (`kiki up`, `kiki serve syncflow`), or",
        ),
        ("Deadline Exceeded", "failed", "or set SYNCFLOW_GRPC_URL to where it is"),
        (
            "failed to connect to all addresses; last error: UNKNOWN: Tls handshake failed: certificate has expired",
            "failed",
            "cannot be called: UNKNOWN: Tls handshake failed: certificate has expired; see KIKI_TLS_",
        ),
        ("UNAUTHENTICATED: Hostname Verification Check failed.", "failed", "failed.; see KIKI_TLS_"),
        ("UNAVAILABLE: ipv4:127.0.0.1:1: Socket closed", "failed", "Socket closed; see KIKI_TLS_"),
    ],
    ids=["serving", "refused", "silent", "certificate", "name", "hung-up"],
)
def test_an_agent_that_cannot_be_called_is_told_with_its_reason_and_the_way_out(
    trouble: str, state: str, says: str
) -> None:
    finding = judge_agent("syncflow", "host:1", trouble)
    assert (finding.check, finding.state) == ("syncflow", state)
    assert says in finding.detail
