"""`kiki demo` and `kiki up --demo`: simulated stores send signed traffic, and the terminal shows what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from kiki.cli.output import error_console
from kiki.cli.portal_client import PortalClient, portal_url
from kiki.cli.up import JsonTeller, Lines, LineTeller, Seconds
from kiki.kit.errors import FailedPrecondition

if TYPE_CHECKING:
    from kiki.cli.demo_view import DemoView
    from kiki.runtime.up import Running


def register(app: typer.Typer, panel: str) -> None:
    """Add the command."""
    app.command("demo", rich_help_panel=panel)(_demo)


def _demo(seconds: Seconds = None, as_json: Lines = False) -> None:
    """Let two simulated stores send signed traffic to the mesh that runs on this machine, and watch.

    `kiki up --demo` does the same and brings the mesh along. The demo's stores, ad network and mailbox are on this
    machine: a mesh that was started without --demo-peers takes its webhooks, pauses none of its ads, sends it no mail
    and refuses `kiki stores sync`.
    """
    from kiki.cli.demo_view import choose_view

    if not as_json:
        error_console().print("Pauses, mails and syncs of the demo want a mesh started with `kiki up --demo-peers`.")
    with PortalClient.of_installation() as portal:
        portal.get("/readyz")
        key = portal.api_key

    async def work() -> None:
        with choose_view(portal_url(), as_json=as_json) as view:
            try:
                async with asyncio.timeout(seconds):
                    await drive(view, portal_url(), key)
            except TimeoutError:
                view.ended()

    import uvloop

    uvloop.run(work())


def peer_settings() -> dict[str, str]:
    """Environment under which a mesh calls the demo's peers on this machine; never for a production start."""
    from kiki.runtime.installation import read_settings
    from kiki.sandbox.demo import agent_settings

    if read_settings().production:
        raise FailedPrecondition(
            "a production start calls public addresses only: the demo runs with KIKI_ENV=development",
            reason="NOT_IN_PRODUCTION",
        )
    return {**_DEMO_SETTINGS, **agent_settings()}


def run_with_demo(*, processes: str, seconds: float | None, as_json: bool, environment: Mapping[str, str]) -> None:
    """The mesh with the demo beside it; processes log to the data folder, so that the terminal stays readable."""
    from kiki.cli.demo_view import choose_view
    from kiki.runtime.up import UpOptions, up

    teller = JsonTeller() if as_json else LineTeller()

    async def work(running: Running) -> None:
        teller.running(running)
        with choose_view(portal_url(), as_json=as_json) as view:
            await drive(view, portal_url(), running.installation.settings.api_keys[0])

    options = UpOptions(topology=processes, seconds=seconds, logs_to_files=True, environment=environment)
    teller.ended(was_up=up(options, listen=teller.listen, work=work))


async def drive(view: DemoView, url: str, api_key: str) -> None:
    """Run the sandbox's stores against a portal; the view hears of every step."""
    from kiki.sandbox.demo import run_demo

    def report(state: Mapping[str, Any]) -> None:
        view.show(state)

    try:
        await run_demo(url, api_key, report)
    finally:
        view.ended()


_DEMO_SETTINGS = {
    "SYNCPORTAL_ALLOW_PRIVATE_ADDRESSES": "true",
    "SYNCWORKER_OUTBOUND_ALLOW_PRIVATE": "true",
    "SYNCFLOW_ALLOW_PRIVATE_NETWORKS": "true",
    "SYNCCREATE_FETCH_ALLOW_PRIVATE": "true",
}
"""The peers of the demo live on this machine."""
