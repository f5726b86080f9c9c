"""`kiki stores`: connected shops."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import Annotated

import typer

from kiki.cli.inputs import Limit, StoreId, read_secret
from kiki.cli.output import AsJson, console, print_fields, print_json, print_rows
from kiki.cli.portal_client import PortalClient
from kiki.kit.errors import InvalidInput

_PATH = "/internal/stores"
_COLUMNS = ("store_id", "platform", "store_key", "display_name", "currency", "timezone", "status")
_LISTS = ("ad_networks", "shop_domains")
_BASELINE = ("revenue", "monthly_average", "months_available", "complete", "orders", "unique_customers")
Secret = Annotated[
    str | None,
    typer.Option(
        "--secret", help="The secret that the shop signs with; - asks for it. Left out: one is made and shown."
    ),
]


def register(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Connect shops, show them, change their rules and secrets.")
    group.command("add")(_add)
    group.command("list")(_list)
    group.command("show")(_show)
    group.command("set")(_set)
    group.command("rotate-secret")(_rotate_secret)
    group.command("rotate-token")(_rotate_token)
    group.command("credentials")(_credentials)
    group.command("sync")(_sync)
    group.command("pixel")(_pixel)
    app.add_typer(group, name="stores", rich_help_panel=panel)


def _add(
    platform: Annotated[str, typer.Argument(help="shopify or woocommerce.")],
    address: Annotated[str, typer.Argument(help="The shop's domain or URL, e.g. example.myshopify.com.")],
    currency: Annotated[str, typer.Option("--currency", help="ISO 4217 code of the shop's main currency.")],
    timezone: Annotated[str, typer.Option("--timezone", help="IANA name of the shop's time zone.")] = "UTC",
    name: Annotated[str, typer.Option("--name", help="How the shop is called here.")] = "",
    secret: Secret = None,
    as_json: AsJson = False,
) -> None:
    """Connect a shop. The delivery URL and a made secret are shown once, here."""
    body = {
        "platform": platform,
        "store_key": address,
        "display_name": name,
        "currency": currency.upper(),
        "timezone": timezone,
        "webhook_secret": read_secret(secret, "Secret"),
    }
    with PortalClient.of_installation() as portal:
        store = portal.post(_PATH, body)
    if as_json:
        print_json(store)
        return
    print_fields({field: store[field] for field in _COLUMNS}, f"Store {store['store_id']} is connected")
    print_fields({"delivery URL": store["delivery_url"], "secret": store["webhook_secret"] or "as given"})
    console().print("The URL's token and the secret are not shown again.")


def _list(limit: Limit = 100, as_json: AsJson = False) -> None:
    """List connected shops."""
    with PortalClient.of_installation() as portal:
        stores = list(portal.rows(_PATH, "stores", limit))
    if as_json:
        print_json(stores)
    else:
        print_rows(stores, _COLUMNS, empty="No shop is connected; `kiki stores add` connects one.")


def _show(store_id: StoreId, as_json: AsJson = False) -> None:
    """Show a shop and its rules."""
    with PortalClient.of_installation() as portal:
        store = portal.get(f"{_PATH}/{store_id}")
    if as_json:
        print_json(store)
        return
    rules, history = store.pop("settings", {}), store.pop("history", None)
    print_fields(store)
    print_fields(rules, "\nrules")
    if history:
        baseline = history.pop("baseline") or {}
        print_fields({**history, **{name: baseline.get(name) for name in _BASELINE}}, "\nhistory and baseline")
    else:
        console().print("\nNo order history was read yet; `kiki stores sync` reads it and computes the baseline.")


def _set(
    store_id: StoreId,
    rules: Annotated[
        list[str], typer.Argument(metavar="RULE=VALUE…", help="e.g. fee_rate=0.18 low_stock_threshold=3.")
    ],
    as_json: AsJson = False,
) -> None:
    """Change a shop's rules; the ones not named keep their value. `show` lists them."""
    changes: dict[str, object] = {}
    for rule in rules:
        name, separator, value = rule.partition("=")
        if not separator:
            raise typer.BadParameter(f"a rule is written name=value, got {rule!r}")
        changes[name] = list(filter(None, value.split(","))) if name in _LISTS else value
    with PortalClient.of_installation() as portal:
        _check_rules(changes, portal.get(f"{_PATH}/{store_id}")["settings"])
        store = portal.patch(f"{_PATH}/{store_id}/settings", changes)
    if as_json:
        print_json(store)
    else:
        print_fields(store["settings"], "rules")


def _check_rules(given: Iterable[str], known: Collection[str]) -> None:
    """Raises `InvalidInput` that names the first rule that no shop has, and the one that was meant."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            told = f"did you mean {near[0]!r}?" if near else f"rules are {', '.join(known)}"
            raise InvalidInput(f"there is no rule {name!r}; {told}", reason="UNKNOWN_RULE")


def _rotate_secret(store_id: StoreId, secret: Secret = None, as_json: AsJson = False) -> None:
    """Sign with a new secret from now on. The one before stays valid until the next rotation."""
    with PortalClient.of_installation() as portal:
        answer = portal.post(f"{_PATH}/{store_id}/rotate-secret", {"webhook_secret": read_secret(secret, "Secret")})
    if as_json:
        print_json(answer)
    else:
        print_fields({"store": store_id, "secret": answer["webhook_secret"] or "as given"})


def _rotate_token(store_id: StoreId, as_json: AsJson = False) -> None:
    """Make a new delivery URL. The old one is dead at once."""
    with PortalClient.of_installation() as portal:
        answer = portal.post(f"{_PATH}/{store_id}/rotate-token")
    if as_json:
        print_json(answer)
    else:
        print_fields({"store": store_id, "delivery URL": answer["delivery_url"]})


def _pixel(
    store_id: StoreId,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new key first; the old one is dead at once.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the pixel snippet to paste into the shop's pages. docs/collector.md says what it collects."""
    with PortalClient.of_installation() as portal:
        if rotate:
            pixel = portal.post(f"{_PATH}/{store_id}/rotate-collector-key")
        else:
            pixel = portal.get(f"{_PATH}/{store_id}/pixel")
    if as_json:
        print_json(pixel)
        return
    print_fields(
        {"runs on": ", ".join(pixel["hosts"]), "consent": pixel["pixel_consent"]}, f"Pixel of store {store_id}"
    )
    for title, name in (
        ("Into the head of every page", "snippet"),
        ("So that orders name their visitor (functions.php or a snippet plugin)", "order_snippet"),
        ("Optional: so that a customer who logs in is recognised", "customer_snippet"),
    ):
        if pixel[name]:
            console().print(f"\n{title}:\n", markup=False)
            console().print(pixel[name], markup=False, highlight=False, soft_wrap=True)


def _credentials(
    store_id: StoreId,
    url: Annotated[str, typer.Argument(help="Where the shop's API is, e.g. https://example.myshopify.com.")],
    access_token: Annotated[
        str | None, typer.Option("--access-token", help="Shopify's token of the app; - asks for it.")
    ] = None,
    consumer_key: Annotated[str | None, typer.Option("--consumer-key", help="WooCommerce's key, ck_…")] = None,
    consumer_secret: Annotated[
        str | None, typer.Option("--consumer-secret", help="WooCommerce's secret, cs_…; - asks for it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep how a shop's own API is reached, sealed, in place of what was kept: for `sync`."""
    given = {
        "access_token": read_secret(access_token, "Access token"),
        "consumer_key": consumer_key,
        "consumer_secret": read_secret(consumer_secret, "Consumer secret"),
    }
    body = {"base_url": url, **{name: value for name, value in given.items() if value}}
    if len(body) == 1 or bool(consumer_key) != bool(given["consumer_secret"]):
        raise typer.BadParameter("wanted are --access-token, or --consumer-key with --consumer-secret")
    with PortalClient.of_installation() as portal:
        portal.put(f"{_PATH}/{store_id}/credentials", body)
    if as_json:
        print_json({"store_id": store_id, "kept": sorted(set(body) - {"base_url"})})
        return
    console().print(f"The keys of store {store_id} are kept; `kiki stores sync {store_id} orders` uses them.")


def _sync(
    store_id: StoreId,
    what: Annotated[str, typer.Argument(help="products or orders.")],
    days: Annotated[
        int | None,
        typer.Option("--days", min=1, help="How far back, for orders; left out: as far as the baseline wants."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a shop's catalogue or history as a background job and follow it; a history ends in the baseline."""
    from kiki.cli.jobs import follow

    if what not in ("products", "orders"):
        raise typer.BadParameter(f"products or orders, got {what!r}")
    with PortalClient.of_installation() as portal:
        job = portal.post(f"/internal/sync/{what}/{store_id}", days=days if what == "orders" else None)
        follow(portal, job, as_json=as_json)
