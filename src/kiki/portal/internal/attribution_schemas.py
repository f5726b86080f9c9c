"""What the routes of attribution take."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from kiki.portal.internal.schemas import Instant, RowId, StrictBody, with_example


def _finite(value: Any) -> Any:
    """JSON knows no infinities, whatever a reader of it lets through."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError("numbers are finite") from None
    return value


class RecalculationBody(StrictBody):
    """Which orders are decided anew, and whether only what would change is shown."""

    model_config = with_example({"model": "markov", "placed_from": "2026-03-01T00:00:00Z"})

    placed_from: Instant | None = Field(default=None, description="Placed then or later; left out: all.")
    placed_to: Instant | None = Field(default=None, description="Placed before; left out: all.")
    model: Annotated[str, Field(max_length=40, description="Left out: the store's own.")] | None = None
    dry_run: Annotated[
        bool | None, Field(description="Only compute the diff. Left out: yes when a model is named, otherwise no.")
    ] = None
    diff_job: Annotated[RowId | None, Field(description="Apply the diff that this job has kept.")] = None


class SpanBody(StrictBody):
    """Which orders, by when they were placed."""

    model_config = with_example({"placed_from": "2026-01-01T00:00:00Z", "placed_to": "2026-04-01T00:00:00Z"})

    placed_from: Instant | None = Field(default=None, description="Placed then or later; left out: all.")
    placed_to: Instant | None = Field(default=None, description="Placed before; left out: all.")


class FittedBody(StrictBody):
    """Parameters of a model that were fitted elsewhere, as `kiki attribution learn --json` prints them."""

    model_config = with_example(
        {
            "parameters": {
                "features": [],
                "base": -2.2,
                "lift": 0.4,
                "exposure": None,
                "penalty": 10.0,
                "slope": 1.0,
                "treated": 9000,
                "held_out": 1000,
                "mean_standard_error": 0.06,
            },
            "size": 10000,
        }
    )

    parameters: dict[str, Any] = Field(description="What the model speaks by; its form depends on the model.")
    report: Annotated[dict[str, Any], AfterValidator(_finite)] = Field(
        default={}, description="How good they are; kept and shown as it is."
    )
    size: int = Field(default=0, ge=0, le=10**12, description="Users or orders that they were fitted on.")


class LearnBody(StrictBody):
    """The experiment that teaches."""

    model_config = with_example({"experiment_id": "autumn"})

    experiment_id: Annotated[str, Field(min_length=1, max_length=64, description="One whose readings may be read.")]
    as_of: Annotated[Instant | None, Field(description="Up to when outcomes count; left out: now.")] = None
