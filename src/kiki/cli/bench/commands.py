"""The commands: pipeline throughput and stockout reaction."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kiki.cli.output import AsJson, console, print_json, print_rows

Seconds = Annotated[float, typer.Option("--seconds", min=2, help="How long load is sent.")]
Rate = Annotated[
    float | None, typer.Option("--rate", min=1, help="Webhooks per second; left out: as fast as they are taken.")
]
Stores = Annotated[int, typer.Option("--stores", min=1, max=200, help="Stores that send.")]
Connections = Annotated[int, typer.Option("--connections", min=1, max=256, help="Connections at a time.")]
Warm = Annotated[float, typer.Option("--warm-up", min=0, help="Seconds of load beforehand, to fill the tables.")]
Processes = Annotated[str, typer.Option("--processes", help="How components share processes: few, each or one.")]
Backlog = Annotated[int, typer.Option("--backlog", min=0, help="Orders that wait when stock runs out.")]
Data = Annotated[Path | None, typer.Option("--data", metavar="FOLDER", help="Known cases and simulated stores.")]
HistoryOrders = Annotated[int, typer.Option("--orders", min=1, help="Orders recalculated, ten touchpoints each.")]
Seeds = Annotated[int, typer.Option("--seeds", min=0, help="Simulated shops per question; 0: none.")]
Lifetimes = Annotated[
    Path | None, typer.Option("--lifetimes-python", help="Interpreter that can import lifetimes, to race against.")
]
Customers = Annotated[int, typer.Option("--customers", min=1_000, help="Customers of the large simulated store.")]
BaselineStores = Annotated[
    int, typer.Option(min=0, max=1000, help="Simulated stores on which the baseline is back-tested; 0: none.")
]
ParetoToo = Annotated[bool, typer.Option("--pareto-at-scale", help="Race Pareto/NBD on the large store too (slow).")]
Rounds = Annotated[int, typer.Option("--rounds", min=5, help="Stockouts measured in each state.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="Measure on this machine, with a throwaway installation of its own.")
    group.command("pipeline")(_pipeline)
    group.command("stockout")(_stockout)
    group.command("attribution")(_attribution)
    group.command("value")(_value)
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


def _attribution(
    data: Data = None, orders: HistoryOrders = 100_000, seeds: Seeds = 100, as_json: AsJson = False
) -> None:
    """Attribution and experiments on known cases and simulated shops, and a large history recalculated by every model.

    Needs no installation. Known cases are read from --data where it holds them: markov_three_paths.json,
    sim_attribution_*.csv with its truth beside it, geolift.
    """
    from kiki.cli.bench.attribution import AttributionOptions, run_attribution

    result = run_attribution(AttributionOptions(data=data, orders=orders, seeds=seeds))
    if as_json:
        print_json(result)
        return
    figures = result.pop("figures")
    print_rows(figures, ("name", "got", "wanted", "met"), empty="Nothing was measured.")
    _print(result["recalculation"], as_json=False)


def _value(
    data: Data = None,
    lifetimes_python: Lifetimes = None,
    customers: Customers = 1_000_000,
    baseline_stores: BaselineStores = 200,
    pareto_at_scale: ParetoToo = False,
    as_json: AsJson = False,
) -> None:
    """Lifetime value models against published fits and the library lifetimes; the baseline on simulated stores."""
    from kiki.cli.bench.value import run_value

    run_value(data, lifetimes_python, customers, baseline_stores, pareto_at_scale=pareto_at_scale, as_json=as_json)


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
