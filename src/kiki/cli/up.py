"""`kiki up`: the whole mesh on this machine."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from kiki.cli import exits
from kiki.cli.output import error_console

if TYPE_CHECKING:
    from kiki.runtime.topology import ProcessEvent
    from kiki.runtime.up import Running

Processes = Annotated[
    str,
    typer.Option("--processes", help="How components share processes: few (default), each (one process each) or one."),
]
Seconds = Annotated[float | None, typer.Option("--seconds", min=1, help="End by itself after so many seconds.")]
Lines = Annotated[bool, typer.Option("--json", help="Tell what happens as JSON lines on standard output.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the command."""
    app.command("up", rich_help_panel=panel)(_up)


def _up(
    demo: Annotated[
        bool, typer.Option("--demo", help="Let two simulated stores send signed traffic, and watch.")
    ] = False,
    demo_peers: Annotated[
        bool,
        typer.Option(
            "--demo-peers",
            help="Let the mesh call the stores, ad network and mailbox that `kiki demo` runs on this machine.",
        ),
    ] = False,
    processes: Processes = "few",
    seconds: Seconds = None,
    as_json: Lines = False,
) -> None:
    """Start everything: database, portal, worker and the six agents.

    The first start makes the database and the secrets in the data folder (KIKI_DATA_DIR). A process that dies is
    started again. Ctrl-C ends all of it in order; exit code 130 when it ended before all was ready.
    """
    from kiki.cli.demo import peer_settings, run_with_demo

    environment = peer_settings() if demo or demo_peers else {}
    if demo:
        run_with_demo(processes=processes, seconds=seconds, as_json=as_json, environment=environment)
        return
    from kiki.runtime.up import UpOptions, until_stopped, up

    teller = JsonTeller() if as_json else LineTeller()

    async def work(running: Running) -> None:
        teller.running(running)
        await until_stopped(running)

    options = UpOptions(topology=processes, seconds=seconds, environment=environment)
    teller.ended(was_up=up(options, listen=teller.listen, work=work))


class LineTeller:
    """Says on standard error what happens to processes, a line each."""

    def listen(self, event: ProcessEvent) -> None:
        """A process's news."""
        process = f"{event.process} ({event.pid})" if event.pid else event.process
        detail = f": {event.detail}" if event.detail else ""
        error_console().print(f"{event.kind:8} {process}{detail}", markup=False)

    def running(self, running: Running) -> None:
        """All is ready."""
        from kiki.cli.portal_client import portal_url

        url = portal_url()
        say = error_console().print
        say(f"\nKIKI SyncPortal is up after {running.started_in_seconds:.1f} s", markup=False)
        say(f"  portal     {url}\n  API        {url}/docs", markup=False)
        say(f"  data       {running.installation.settings.folder}", markup=False)
        say("Ctrl-C ends it.\n", markup=False)

    def ended(self, *, was_up: bool) -> None:
        """The program ends; with exit code 130 when it was stopped before all was ready."""
        self._tell_end(was_up=was_up)
        if not was_up:
            raise typer.Exit(exits.INTERRUPTED)

    def _tell_end(self, *, was_up: bool) -> None:
        end = "ended" if was_up else "stopped before everything was up; the next start goes on with this data folder"
        error_console().print(end, markup=False)


class JsonTeller(LineTeller):
    """Says the same to programs."""

    def listen(self, event: ProcessEvent) -> None:
        self._tell({"event": event.kind, "process": event.process, "pid": event.pid, "detail": event.detail})

    def running(self, running: Running) -> None:
        from kiki.cli.portal_client import portal_url

        self._tell(
            {
                "event": "up",
                "url": portal_url(),
                "started_in_seconds": round(running.started_in_seconds, 3),
                "data_folder": str(running.installation.settings.folder),
            }
        )

    def _tell_end(self, *, was_up: bool) -> None:
        self._tell({"event": "ended", "was_up": was_up})

    def _tell(self, message: dict[str, object]) -> None:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()
