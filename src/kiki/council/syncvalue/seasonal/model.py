"""A store's outlook: the forecast, its interval stretched by the back-test, and which baseline that recommends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

from kiki.council.syncvalue.errors import CannotForecast
from kiki.council.syncvalue.seasonal.backtest import UNTESTED_STRETCH, YEAR, BackTest, back_test
from kiki.council.syncvalue.seasonal.fitting import Fit, fit
from kiki.council.syncvalue.seasonal.forecast import forecast, interval
from kiki.council.syncvalue.seasonal.outlook import LEVEL, Outlook, Promotion, Span, TrackRecord
from kiki.council.syncvalue.seasonal.series import Array, Daily, from_first_sale, month_after, whole_months


def outlook(series: Daily, promotions: Sequence[Promotion] = (), *, months: int = 24) -> Outlook:
    """Fits, looks `months` (12 or more) ahead from the end of the last whole month, and tests it on the series' past.

    Raises `CannotForecast` for less than twelve weeks of history, none with revenue, or figures that lead nowhere.
    """
    series = series.between(series.start, month_after(series.end, 0))
    try:
        found = _outlook(series, promotions, months)
    except np.linalg.LinAlgError:
        raise CannotForecast("the series could not be fitted", reason="NO_FIT") from None
    if not np.isfinite([*found.year, *(figure for span in found.months for figure in span)]).all():
        raise CannotForecast("the series leads to no finite forecast", reason="NO_FIT")
    return found


def _outlook(series: Daily, promotions: Sequence[Promotion], months: int) -> Outlook:
    fitted = fit(series, promotions, months_ahead=months)
    ahead = forecast(fitted, months, promotions)
    tested = back_test(series, promotions)
    stretch = tested.stretch if tested else UNTESTED_STRETCH
    year = ahead.expected[:YEAR].sum(keepdims=True)
    year_draws = ahead.draws[:, :YEAR].sum(axis=1, keepdims=True)
    return Outlook(
        first=ahead.first,
        months=tuple(_spans(ahead.expected, *interval(ahead.expected, ahead.draws, stretch, LEVEL))),
        year=_spans(year, *interval(year, year_draws, stretch, LEVEL))[0],
        trained_from=series.end - dt.timedelta(days=fitted.days),
        history_months=_months(whole_months(from_first_sale(series))),
        yearly=fitted.yearly,
        tested=None if tested is None else _tested(tested),
        seasonal_recommended=tested is not None and fitted.yearly and tested.seasonal_is_better,
        promotion_effect=_promotion_effect(fitted),
    )


def _promotion_effect(fitted: Fit) -> float | None:
    if not fitted.layout.promotions:
        return None
    return float(np.expm1(fitted.parameters[fitted.layout.promotion.start]))


def _spans(expected: Array, lower: Array, upper: Array) -> list[Span]:
    return [Span(*ends) for ends in zip(expected.tolist(), lower.tolist(), upper.tolist(), strict=True)]


def _months(series: Daily) -> int:
    return (series.end.year - series.start.year) * 12 + series.end.month - series.start.month


def _tested(found: BackTest) -> TrackRecord:
    return TrackRecord(
        origins=len(found.origins),
        error=found.error,
        plain_error=found.plain_error,
        month_error=found.month_error,
        plain_month_error=found.plain_month_error,
        covered=found.covered(LEVEL),
    )
