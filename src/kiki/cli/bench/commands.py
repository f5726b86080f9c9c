"""The commands: pipeline throughput and stockout reaction."""

from __future__ import annotations

from typing import Annotated

import typer

from kiki.cli.output import AsJson, console, print_json

Seconds = Annotated[float, typer.Option("--seconds", min=2, help="How long load is sent.")]
Rate = Annotated[
    float | None, typer.Option("--rate", min=1, help="Webhooks per second; left out: as fast as they are taken.")
]
Stores = Annotated[int, typer.Option("--stores", min=1, max=200, help="Stores that send.")]
Connections = Annotated[int, typer.Option("--connections", min=1, max=256, help="Connections at a time.")]
Warm = Annotated[float, typer.Option("--warm-up", min=0, help="Seconds of load beforehand, to fill the tables.")]
Processes = Annotated[str, typer.Option("--processes", help="How components share processes: few, each or one.")]
Backlog = Annotated[int, typer.Option("--backlog", min=0, help="Orders that wait when stock runs out.")]
Rounds = Annotated[int, typer.Option("--rounds", min=5, help="Stockouts measured in each state.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="Measure on this machine, with a throwaway installation of its own.")
    group.command("pipeline")(_pipeline)
    group.command("stockout")(_stockout)
    app.add_typer(group, name="bench", rich_help_panel=panel)


def _pipeline(
    seconds: Seconds = 30,
    rate: Rate = None,
    stores: Stores = 8,
    connections: Connections = 64,
    warm_up: Warm = 5,
    processes: Processes = "few",
    as_json: AsJson = False,
) -> None:
    """Signed distinct orders in, every effect of every agent done: webhooks per second, latency, CPU, what is missing.

    The load generator runs on the same machine and is counted apart.
    """
    from kiki.cli.bench.pipeline import PipelineOptions, run_pipeline

    options = PipelineOptions(
        seconds=seconds, rate=rate, stores=stores, connections=connections, warm_up=warm_up, topology=processes
    )
    result = run_pipeline(options)
    _print(result, as_json=as_json)


def _stockout(
    backlog: Backlog = 100_000, rounds: Rounds = 40, processes: Processes = "few", as_json: AsJson = False
) -> None:
    """From a stockout's webhook to the pause as the ad network sees it, idle and behind a backlog of orders."""
    from kiki.cli.bench.stockout import StockoutOptions, run_stockout

    result = run_stockout(StockoutOptions(backlog=backlog, rounds=rounds, topology=processes))
    _print(result, as_json=as_json)


def _print(result: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    for name, value in result.items():
        if isinstance(value, dict):
            console().print(f"{name.replace('_', ' ')}:", markup=False)
            for part, figure in value.items():
                console().print(f"  {part:42}{figure}", markup=False)
        else:
            console().print(f"{name.replace('_', ' '):44}{value}", markup=False)
