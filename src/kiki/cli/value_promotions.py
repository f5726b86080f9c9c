"""`kiki value promotions`: the days on which a shop sold, or will sell, at a special offer."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import typer

from kiki.cli.inputs import StoreId, read_rows
from kiki.cli.output import AsJson, console, print_json, print_rows
from kiki.cli.portal_client import PortalClient
from kiki.kit.errors import InvalidInput

First = Annotated[str | None, typer.Option("--first", help="First day, such as 2026-11-27, in the shop's time zone.")]
Last = Annotated[str | None, typer.Option("--last", help="Last day, included; left out: the first one.")]
Name = Annotated[str, typer.Option("--name", help="What the shop calls it.")]
FromFile = Annotated[
    Path | None, typer.Option("--file", help="Many at once: JSON, JSON lines or CSV with first, last and name.")
]
PromotionId = Annotated[int, typer.Argument(metavar="PROMOTION", min=1, help="Its id, as the list shows it.")]

_COLUMNS = ("promotion_id", "first_day", "last_day", "name", "registered_at")


def register_promotions(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Tell the baseline when a shop sold, or will sell, at an offer.")
    group.command("add")(_add)
    group.command("list")(_list)
    group.command("remove")(_remove)
    app.add_typer(group, name="promotions")


def _add(
    store_id: StoreId,
    first: First = None,
    last: Last = None,
    name: Name = "",
    file: FromFile = None,
    as_json: AsJson = False,
) -> None:
    """Register promotions, past or planned; one on the same days gets the new name.

    The seasonal forecast beside the baseline is made anew with them, soon after.
    """
    promotions = _told(first, last, name, file)
    with PortalClient.of_installation() as portal:
        _show(portal.post(f"/internal/stores/{store_id}/promotions", {"promotions": promotions}), as_json=as_json)


def _list(store_id: StoreId, as_json: AsJson = False) -> None:
    """Show a shop's promotions, the earliest first, and what the seasonal forecast made of them."""
    with PortalClient.of_installation() as portal:
        answer = portal.get(f"/internal/stores/{store_id}/promotions")
    _show(answer, as_json=as_json)
    if not as_json and answer["forecast"] is not None:
        _print_explanation(answer["forecast"])


def _remove(store_id: StoreId, promotion_id: PromotionId, as_json: AsJson = False) -> None:
    """Take a promotion back; the seasonal forecast is made anew without it."""
    with PortalClient.of_installation() as portal:
        answer = portal.send("DELETE", f"/internal/stores/{store_id}/promotions/{promotion_id}").json()
    if as_json:
        print_json(answer)
    else:
        print_rows([answer["removed"]], _COLUMNS, empty="")


def _told(first: str | None, last: str | None, name: str, file: Path | None) -> list[dict[str, str]]:
    if (first is None) == (file is None) or (file is not None and (last is not None or name)):
        raise InvalidInput("give either --first (with --last and --name) or --file", reason="BAD_PROMOTION")
    if file is None:
        return [_promotion(str(first), last or str(first), name, "--first and --last")]
    found = []
    for number, row in enumerate(read_rows(file), 1):
        start = row.get("first") or row.get("first_day")
        if not start:
            raise InvalidInput(f"row {number} of {file} has no first day (column first)", reason="BAD_PROMOTION")
        end = row.get("last") or row.get("last_day") or start
        found.append(_promotion(str(start), str(end), str(row.get("name") or ""), f"row {number} of {file}"))
    if not found:
        raise InvalidInput(f"{file} holds no promotions", reason="BAD_PROMOTION")
    return found


def _promotion(first: str, last: str, name: str, where: str) -> dict[str, str]:
    try:
        days = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    except ValueError:
        raise InvalidInput(
            f"{where}: a day is written as 2026-11-27, got {first!r} and {last!r}", reason="BAD_PROMOTION"
        ) from None
    if days[0] > days[1]:
        raise InvalidInput(f"{where}: the last day ({last}) lies before the first ({first})", reason="BAD_PROMOTION")
    return {"first_day": days[0].isoformat(), "last_day": days[1].isoformat(), "name": name}


def _print_explanation(forecast: dict[str, Any]) -> None:
    effect = forecast["promotion_effect"]
    found = (
        "none lay in the days learned from"
        if effect is None
        else f"a promotion changed a day's revenue by {effect:+.0%}"
    )
    console().print(
        f"Forecast {forecast['revision']} ({forecast['computed_at']}) knew {forecast['promotions']} of them: {found}.",
        markup=False,
    )


def _show(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        print_rows(answer["promotions"], _COLUMNS, empty="No promotion is registered.")
