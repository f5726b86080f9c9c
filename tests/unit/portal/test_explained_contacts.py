"""Why an order was decided as it was: the contacts around it, those that do not count for it included."""

from __future__ import annotations

from kiki.orchestrator.attribution.default_model import DefaultModel
from kiki.orchestrator.attribution.speaking import all_facts
from kiki.orchestrator.workflows.attributing import case_of
from kiki.orchestrator.workflows.batch import Batch
from kiki.orchestrator.workflows.trails import Trail
from kiki.portal.internal.attribution import _touchpoints
from unit.orchestrator.workflows.test_trails import DAY, MINUTE, NOW, SEALER, order_at, row, view_with


def test_contacts_outside_the_window_are_shown_as_such() -> None:
    view, order = view_with(all_facts(DefaultModel())), order_at(NOW)
    trail = Trail(
        [
            row("server", NOW + 5 * MINUTE, name="after"),
            row("server", NOW - DAY, "theirs", name="elsewhere"),
            row("server", NOW - 2 * DAY, name="counts"),
            row("order", NOW - 3 * DAY, name="told twice"),
            row("pixel", NOW - 4 * DAY, name="seen"),
            row("server", NOW - 35 * DAY, name="before"),
            row("server", NOW - 36 * DAY, "theirs", name="elsewhere before"),
        ]
    )
    batch = Batch(now=NOW, sealer=SEALER, new_key=str)
    batch.touches[1, "k"] = trail
    shown = _touchpoints(trail, case_of(batch, view, order, None, ()), view, order)
    assert [(each["touchpoint_id"], each["in_window"], each["campaign_id"], each["channel"]) for each in shown] == [
        ("elsewhere before", False, None, "google"),
        ("before", False, "k1", None),
        ("seen", True, "k1", None),
        ("told twice", True, None, None),
        ("counts", True, "k1", None),
        ("elsewhere", True, None, "google"),
        ("after", False, "k1", None),
    ]
