"""`kiki campaigns`: the campaigns that we manage, and a person's hand on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.progress import track
from rich.text import Text

from kiki.cli.inputs import ASK, File, Limit, StoreId, read_rows, read_secret, read_time
from kiki.cli.output import AsJson, console, error_console, print_json, print_rows
from kiki.cli.portal_client import PortalClient
from kiki.kit.textfile import BadFile

_DEFINED = ("campaign_id", "network", "name", "daily_budget", "bid")
_COLUMNS = ("campaign_id", "network", "name", "status", "daily_budget", "bid", "hold", "counts_since", "reason")
_ACTION_COLUMNS = ("requested_at", "campaign_id", "product_id", "kind", "reasons", "actor", "state", "last_error")
_EVER = "1970-01-01"
_CHUNK = 500
_MONEY = ("daily_budget", "bid")
CampaignId = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The campaign's id.")]
ProductId = Annotated[str, typer.Argument(metavar="PRODUCT", help="The product's id in the shop.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; goes to the audit log.")]
Until = Annotated[
    str | None,
    typer.Option("--until", help="When it ends: ISO 8601, or in how long (90m, 24h, 7d); left out: when released."),
]


def register(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Register campaigns, and pause, resume or hold them by hand.")
    group.command("import")(_import)
    group.command("list")(_list)
    group.command("actions")(_actions)
    group.command("pause")(_pause)
    group.command("resume")(_resume)
    group.command("hold")(_hold)
    group.command("release")(_release)
    group.command("network")(_network)
    app.add_typer(group, name="campaigns", rich_help_panel=panel)


def _import(
    store_id: StoreId,
    file: File,
    effective_from: Annotated[
        str | None,
        typer.Option(
            "--effective-from", help="Since when they count, ISO 8601; left out: for orders that come in from now on."
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="Why they count for past orders; goes to the audit log.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Register campaigns from a file; known ones are replaced, others stay as they are.

    They count for orders that come in from now on. With --effective-from, which wants a --reason, they count since
    then, and the orders of open months since then are decided anew.

    More than 500 are sent in parts. Each part counts its orders by itself, so that one which campaigns of several
    parts may have led to stands in the count of each (it is decided anew with all of them).

    Fields: campaign_id, network, external_id, name, daily_budget, currency; also utm_campaign, utm_id, bid and
    products (ids, separated by spaces in CSV).
    """
    campaigns = [_campaign(row) for row in read_rows(file)]
    if not campaigns:
        raise BadFile(f"{file} has no rows; wanted one per campaign")
    chunks = [campaigns[at : at + _CHUNK] for at in range(0, len(campaigns), _CHUNK)]
    earlier = {"effective_from": read_time(effective_from), "reason": reason} if effective_from else {}
    with PortalClient.of_installation() as portal:
        tracked = track(chunks, "Registering", console=error_console(), disable=as_json or len(chunks) < 2)
        path = f"/internal/campaigns/{store_id}"
        answers = [portal.post(path, {"campaigns": chunk, **earlier}) for chunk in tracked]
    parts = [answer["reopened"] for answer in answers]
    counted_all = all(answer["counted_all"] for answer in answers)
    if as_json:
        told = {"registered": len(campaigns), "reopened": sum(parts), "counted_all": counted_all, "parts": parts}
        print_json(told)
        return
    console().print(f"{len(campaigns)} campaigns are registered")
    if earlier:
        console().print(_reopened(parts, counted_all=counted_all))


def _reopened(parts: Sequence[int], *, counted_all: bool) -> str:
    """How many orders are decided anew; orders that several parts count are no more than the sum, and unknown."""
    text = f"{sum(parts)} orders of open months are decided anew in the background"
    if not counted_all:
        text += "; there may be more, for no more than 100,000 are looked at"
    if sum(count > 0 for count in parts) > 1:
        told = " + ".join(map(str, parts))
        text += f"; counted in {len(parts)} parts ({told}), and an order may stand in several"
    return text


def _list(store_id: StoreId, limit: Limit = 200, as_json: AsJson = False) -> None:
    """List a shop's campaigns, their state at the ad network, and since when they count for orders that come in.

    A reason stands where a campaign counts since a time before its registration.
    """
    with PortalClient.of_installation() as portal:
        campaigns = list(portal.rows(f"/internal/campaigns/{store_id}", "campaigns", limit))
    if as_json:
        print_json(campaigns)
    else:
        empty = "No campaign is registered; `kiki campaigns import` does that."
        print_rows([_listed(campaign) for campaign in campaigns], _COLUMNS, empty=empty)


def _actions(
    store_id: StoreId,
    campaign: Annotated[str | None, typer.Option("--campaign", help="Only of this campaign.")] = None,
    product: Annotated[str | None, typer.Option("--product", help="Only for this product.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List what was done at the ad networks, newest first; --json has bids, notes and attempts as well."""
    with PortalClient.of_installation() as portal:
        path = f"/internal/campaigns/{store_id}/actions"
        actions = list(portal.rows(path, "actions", limit, campaign_id=campaign, product_id=product))
    if as_json:
        print_json(actions)
    else:
        print_rows(actions, _ACTION_COLUMNS, empty="Nothing was done yet.")


def _pause(store_id: StoreId, product: ProductId, reason: Reason, until: Until = None, as_json: AsJson = False) -> None:
    """Pause a product's ads by hand. The stock guard does not resume them."""
    _order(store_id, product, "pause", reason, until, as_json=as_json)


def _resume(
    store_id: StoreId, product: ProductId, reason: Reason, until: Until = None, as_json: AsJson = False
) -> None:
    """Take a pause by hand back; without one, let the ads run whatever the stock says."""
    _order(store_id, product, "resume", reason, until, as_json=as_json)


def _hold(
    store_id: StoreId, campaign: CampaignId, reason: Reason, until: Until = None, as_json: AsJson = False
) -> None:
    """Keep a campaign as it is: nothing of ours touches it until the hold ends."""
    with PortalClient.of_installation() as portal:
        path = f"/internal/campaigns/{store_id}/{_quoted(campaign)}/hold"
        answer = portal.post(path, _hand(reason, until))
    held = answer["campaign"]["hold"]
    _tell(answer, f"Campaign {campaign} stays as it is, {_ending(held and held['expires_at'])}", as_json=as_json)


def _release(store_id: StoreId, campaign: CampaignId, as_json: AsJson = False) -> None:
    """End a hold; what is wanted of the campaign is applied again."""
    with PortalClient.of_installation() as portal:
        answer = portal.post(f"/internal/campaigns/{store_id}/{_quoted(campaign)}/release")
    told = "is released, and what is wanted of it is applied" if answer["released"] else "was not held"
    _tell(answer, f"Campaign {campaign} {told}", as_json=as_json)


def _network(
    store_id: StoreId,
    network: Annotated[str, typer.Argument(help="google, meta, tiktok or another name that campaigns use.")],
    url: Annotated[str, typer.Argument(help="Base URL of the network's API.")],
    token: Annotated[str, typer.Option("--token", help="The API token; - asks for it.")] = ASK,
    as_json: AsJson = False,
) -> None:
    """Say how an ad network is reached for a shop. The token is sealed and never shown again."""
    body = {"base_url": url, "token": read_secret(token, "Token")}
    with PortalClient.of_installation() as portal:
        answer = portal.put(f"/internal/ad-networks/{store_id}/{_quoted(network)}", body)
    _tell(answer, f"{network} is reached at {answer['connection']['base_url']}", as_json=as_json)


def _order(store_id: int, product: str, order: str, reason: str, until: str | None, *, as_json: bool) -> None:
    with PortalClient.of_installation() as portal:
        path = f"/internal/products/{store_id}/{_quoted(product)}/ads/{order}"
        hand = _hand(reason, until)
        answer = portal.post(path, hand)
    ends = hand["expires_at"]
    told = {
        "pause": f"paused {_ending(ends)}",
        "resume": f"resumed until {ends}" if ends else "resumed",
    }[order]
    unknown = "" if answer["in_catalogue"] else "; the shop has told of no such product so far"
    _tell(answer, f"Accepted: the ads of product {product} are {told}{unknown}", as_json=as_json)


def _hand(reason: str, until: str | None) -> dict[str, str | None]:
    return {"reason": reason, "expires_at": read_time(until, ahead=True)}


def _ending(until: str | None) -> str:
    return f"until {until}" if until else "until it is released"


def _tell(answer: dict[str, Any], told: str, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        console().print(Text(told), soft_wrap=True)


def _campaign(row: dict[str, Any]) -> dict[str, Any]:
    """A row as the API wants it; rows that are written in its form pass unchanged."""
    campaign = dict(row)
    currency = campaign.pop("currency", "")
    for name in _MONEY:
        if isinstance(campaign.get(name), (str, int, float)):
            campaign[name] = {"amount": str(campaign[name]), "currency": str(currency).upper()}
    products = campaign.pop("products", None)
    if products is not None:
        ids = products.split() if isinstance(products, str) else products
        campaign["promotions"] = [{"product_id": str(product)} for product in ids]
    return campaign


def _listed(campaign: dict[str, Any]) -> dict[str, Any]:
    """A campaign as a row of the table."""
    hold, since = campaign["hold"], campaign["counts_since"]
    ends = f" until {hold['expires_at']}" if hold and hold["expires_at"] else ""
    return {
        **{name: campaign["definition"][name] for name in _DEFINED},
        "status": campaign["status"],
        "hold": f"{hold['actor']}: {hold['reason']}{ends}" if hold else None,
        "counts_since": "always" if since and since.startswith(_EVER) else since,
        "reason": campaign["counts_since_reason"] or None,
    }


def _quoted(name: str) -> str:
    return quote(name, safe="")
