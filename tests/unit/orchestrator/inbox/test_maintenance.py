"""When nothing may be forgotten because the clock cannot be believed."""

from __future__ import annotations

import datetime as dt

import pytest

from kiki.orchestrator.inbox.job_runs import held_until

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("succeeded_at", "held", "until"),
    [
        pytest.param(None, None, None, id="the first run of all"),
        pytest.param(NOW - 23 * HOUR, None, None, id="off for a night"),
        pytest.param(NOW - 25 * HOUR, None, NOW + DAY, id="a gap"),
        pytest.param(NOW - 365 * DAY, None, NOW + DAY, id="a year ahead"),
        pytest.param(NOW + 365 * DAY, None, None, id="a year back"),
        pytest.param(NOW - HOUR, NOW + HOUR, NOW + HOUR, id="still held"),
        pytest.param(NOW - HOUR, NOW, None, id="held for a day"),
        pytest.param(NOW - 40 * DAY, NOW - HOUR, None, id="nothing succeeded since it is held"),
        pytest.param(NOW - 2 * DAY, NOW - 2 * DAY, NOW + DAY, id="another gap after it was held"),
        pytest.param(NOW - 5 * DAY, NOW - 4.5 * DAY, NOW + DAY, id="another gap while it was held"),
        pytest.param(NOW + 300 * DAY, NOW + 301 * DAY, None, id="the clock was set right"),
    ],
)
def test_a_day_passes_after_a_jump_before_anything_is_forgotten(
    succeeded_at: dt.datetime | None, held: dt.datetime | None, until: dt.datetime | None
) -> None:
    assert held_until(NOW, succeeded_at, held) == until
