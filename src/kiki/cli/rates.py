"""`kiki rates`: exchange rates for orders in other currencies, and which orders wait for one."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import track

from kiki.cli.inputs import Limit, read_time
from kiki.cli.output import AsJson, error_console, print_answer, print_json, print_rows
from kiki.cli.portal_client import PortalClient
from kiki.kit.errors import FailedPrecondition, InvalidInput

_PATH = "/internal/exchange-rates"
_COLUMNS = ("day", "base", "quote", "rate", "source", "recorded_at", "recorded_by")
_REPLACED = ("replaced_at", "replaced_by")
_MISSING = ("store_id", "currency", "settlement_currency", "day", "orders", "live_orders", "since_at", "older_rate_day")
_FETCHES = ("place", "tried_at", "succeeded_at", "newest_day", "added", "problem")
_AT_ONCE = 5_000
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_KEPT = ("added", "replaced", "same", "refused")
Base = Annotated[str, typer.Argument(metavar="BASE", help="The currency of which one unit is changed, e.g. USD.")]
Quote = Annotated[str, typer.Argument(metavar="QUOTE", help="The currency into which it is changed, e.g. EUR.")]
Day = Annotated[str | None, typer.Option("--day", metavar="YYYY-MM-DD", help="The day, UTC; today without it.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Bring in exchange rates, and see which orders wait for one.")
    group.command("import")(_import)
    group.command("set")(_set)
    group.command("list")(_list)
    group.command("show")(_show)
    group.command("missing")(_missing)
    group.command("fetches")(_fetches)
    app.add_typer(group, name="rates", rich_help_panel=panel)


def _import(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="The European Central Bank's eurofxref (CSV, XML or ZIP; one day or its history), or a CSV with the"
            " columns date, base, quote and rate; - for standard input.",
        ),
    ],
    since: Annotated[
        str | None, typer.Option("--since", metavar="YYYY-MM-DD", help="Only rates of this day and later.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring in the rates of a file. Orders that wait for one are booked soon after; a rate in use stays.

    What a person set is not replaced by a file: such rates are counted as refused.
    """
    from kiki.commerce.exchange.files import read_hashed
    from kiki.commerce.exchange.rates import plain

    first = None if since is None else read_day(since)
    read, sha256 = read_hashed(file)
    rates = [rate for rate in read if first is None or rate.day >= first]
    told = [
        {"base": rate.base, "quote": rate.quote, "day": rate.day.isoformat(), "rate": plain(rate.rate)}
        for rate in sorted(rates, key=lambda rate: (rate.day, rate.base, rate.quote))
    ]
    kept = Counter(dict.fromkeys(_KEPT, 0))
    parts = [told[at : at + _AT_ONCE] for at in range(0, len(told), _AT_ONCE)]
    with PortalClient.of_installation() as portal:
        for part in track(parts, "Bringing rates in", console=error_console(), disable=len(parts) < 3, transient=True):
            kept.update(portal.put(_PATH, {"source": rates[0].source, "sha256": sha256, "rates": part}))
    answer: dict[str, Any] = {"rates": len(told), **{name: kept[name] for name in _KEPT}, "sha256": sha256}
    if told:
        answer |= {"first_day": told[0]["day"], "last_day": told[-1]["day"]}
    print_answer(answer, as_json=as_json)


def _set(
    base: Base,
    quote: Quote,
    rate: Annotated[str, typer.Argument(metavar="RATE", help="So much of QUOTE for one unit of BASE, e.g. 0.8662.")],
    day: Day = None,
    as_json: AsJson = False,
) -> None:
    """Set the rate of a day by hand. It replaces any other of that day, and no file or fetch replaces it."""
    from kiki.commerce.exchange.rates import MANUAL, checked, plain

    told = checked(base, quote, _day(day), rate, MANUAL)
    row = {"base": told.base, "quote": told.quote, "day": told.day.isoformat(), "rate": plain(told.rate)}
    with PortalClient.of_installation() as portal:
        kept = portal.put(_PATH, {"source": MANUAL, "rates": [row]})
    print_answer({**row, **kept}, as_json=as_json)


def _list(
    base: Annotated[str | None, typer.Option("--base", help="Only of this currency, e.g. EUR.")] = None,
    quote: Annotated[str | None, typer.Option("--quote", help="Only into this currency, e.g. USD.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="YYYY-MM-DD", help="From this day on.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="YYYY-MM-DD", help="Up to this day.")] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Also figures that others replaced, with who replaced them and when.")
    ] = False,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the rates that are kept, the newest day first, as they were told."""
    days = {name: read_day(text).isoformat() for name, text in (("since", since), ("until", until)) if text is not None}
    codes = {name: code.upper() for name, code in (("base", base), ("quote", quote)) if code is not None}
    with PortalClient.of_installation() as portal:
        rates = list(portal.rows(_PATH, "rates", limit, **codes, **days, history="true" if history else None))
    if as_json:
        print_json(rates)
    else:
        print_rows(rates, (*_COLUMNS, *_REPLACED) if history else _COLUMNS, empty="No exchange rate is kept.")


def _show(
    base: Base,
    quote: Quote,
    day: Day = None,
    known_at: Annotated[
        str | None,
        typer.Option(
            "--known-at",
            metavar="TIME",
            help="By what was known then, e.g. when an order was booked: 2026-11-20T16:00Z.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the rate that counts for a payment on a day: its own, or the newest of the seven days before.

    Exit code 3 when none is known.
    """
    from kiki.kit.money import check_currency

    place = f"{_PATH}/{check_currency(base)}/{check_currency(quote)}/{_day(day).isoformat()}"
    moment = read_time(known_at)
    with PortalClient.of_installation() as portal:
        print_answer(portal.get(place, known_at=moment), as_json=as_json)


def _missing(
    store: Annotated[int | None, typer.Option("--store", min=1, help="Only of this store.")] = None,
    limit: Limit = 50,
    check: Annotated[bool, typer.Option("--check", help="Exit code 4 when orders wait and no rate is known.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what paid orders wait for, by store, pair and day. They are booked, once, when the rate is known."""
    with PortalClient.of_installation() as portal:
        rows = list(portal.rows(f"{_PATH}/missing", "missing", limit, store_id=store))
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, _MISSING, empty="No order waits for an exchange rate.")
    lacking = [row for row in rows if row["live_orders"] and row["older_rate_day"] is None]
    if check and lacking:
        orders = sum(row["live_orders"] for row in lacking)
        raise FailedPrecondition(
            f"rates are missing: {len(lacking)}; orders that wait for them: {orders}", reason="EXCHANGE_RATES_MISSING"
        )


def _fetches(as_json: AsJson = False) -> None:
    """Show how reading rates from the address in SYNCWORKER_RATES_URL went."""
    with PortalClient.of_installation() as portal:
        rows = portal.get(f"{_PATH}/fetches")["fetches"]
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, _FETCHES, empty="Nothing has been fetched: SYNCWORKER_RATES_URL is not set, or not tried yet.")


def read_day(text: str) -> dt.date:
    """A day as it is written; `InvalidInput` for anything else."""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError(text)  # `fromisoformat` takes weeks as well.
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"a day is written 2026-11-20, got {text[:40]!r}", reason="BAD_DAY") from None


def _day(text: str | None) -> dt.date:
    if text is not None:
        return read_day(text)
    from kiki.kit.clock import SystemClock

    return SystemClock().now().date()
