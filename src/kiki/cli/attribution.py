"""`kiki attribution`: the models on anybody's files; `attribution_store.py` has those on connected shops."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from kiki.cli import attribution_store
from kiki.cli.inputs import ByDateOrder
from kiki.cli.output import AsJson, console, error_console, print_fields, print_json, print_rows, writing
from kiki.kit.errors import InvalidInput
from kiki.kit.textfile import BadFile, header_of, open_text, rows_of

_ALL = "all"
_PROGRESS_LINES = 20_000

Paths = Annotated[
    Path,
    typer.Option(
        "--paths",
        metavar="FILE",
        help="CSV or JSON. A row is a path (path, conversions, null, value) or an event "
        "(user, channel, timestamp, conversion, value). - for standard input.",
    ),
]
Models = Annotated[
    str,
    typer.Option(
        "--model", help="first, last, linear, time_decay, position, markov, shapley, several by commas, or all."
    ),
]
Order = Annotated[int, typer.Option("--order", min=1, max=4, help="How many last channels a Markov state remembers.")]
Keep = Annotated[
    list[str] | None,
    typer.Option("--keep", metavar="CHANNEL", help="Cannot be removed (Markov), such as direct; repeatable."),
]
Ours = Annotated[
    list[str] | None,
    typer.Option("--ours", metavar="CHANNEL", help="One of ours: shown together; repeatable."),
]
Separator = Annotated[
    str | None, typer.Option("--separator", help="Between the channels of a path; left out: >, | or comma, as found.")
]
Window = Annotated[
    float | None,
    typer.Option("--window-days", min=0, help="Events only: older touchpoints do not count for a conversion."),
]
Input = Annotated[
    Path | None,
    typer.Option(
        "--input", metavar="CSV", help="A user a row: holdout, ordered, and eligible, exposed, order_amount, features."
    ),
]
Truth = Annotated[
    Path | None,
    typer.Option(
        "--truth", metavar="CSV", help="Who was caused, of a simulation: for figures only, never for the fit."
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="CSV", help="Write each treated order's confidence.")
]
ForStore = Annotated[
    int | None,
    typer.Option(
        "--store", metavar="STORE", min=1, help="With --input: put what was learned as this shop's parameters."
    ),
]
FromExperiment = Annotated[
    str | None,
    typer.Option(
        "--experiment",
        metavar="EXPERIMENT",
        help="In place of --input: learn from this experiment of --store; the candidate runs in the shadow first.",
    ),
]
AsOf = Annotated[
    str | None, typer.Option("--as-of", help="With --experiment: up to when outcomes count; left out: now.")
]


def register(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Attribution models, on files and on connected shops.")
    group.command("run")(_run)
    group.command("learn")(_learn)
    attribution_store.register(group)
    app.add_typer(group, name="attribution", rich_help_panel=panel)
    group.callback()(_group)


def _group() -> None:
    """Attribution models, on files and on connected shops."""


def _run(
    paths: Paths,
    model: Models = _ALL,
    order: Order = 1,
    keep: Keep = None,
    ours: Ours = None,
    separator: Separator = None,
    window_days: Window = None,
    date_order: ByDateOrder = None,
    as_json: AsJson = False,
) -> None:
    """Credit channels with conversions and value, by every model that paths can answer for."""
    from kiki.orchestrator.attribution.path_reading import PathFormat, read_paths
    from kiki.orchestrator.attribution.path_report import PATH_MODELS, report, study

    models = PATH_MODELS if model == _ALL else tuple(dict.fromkeys(name.strip() for name in model.split(",")))
    form = PathFormat(separator, window_days, date_order.value if date_order else None)
    with _lines(paths, show=not as_json) as lines:
        done = study(read_paths(lines, form), models, order=order)
    if not done.rows:
        raise BadFile("there is no path: wanted a row each below the header")
    found = report(done, models, keep=keep or (), ours=ours or ())
    if as_json:
        print_json(found)
        return
    print_fields({name: value for name, value in found.items() if name != "models"})
    for name, figures in found["models"].items():
        _print_model(name, figures)


def _learn(
    input_file: Input = None,
    truth: Truth = None,
    output: Output = None,
    store: ForStore = None,
    experiment: FromExperiment = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Learn from a randomised hold-out how likely ads caused each order; print what was learned and how sure it is.

    The hold-out is a file, or an experiment of a connected shop: `--store STORE --experiment EXPERIMENT`.
    """
    if experiment is not None:
        if store is None or input_file is not None or truth is not None or output is not None:
            raise InvalidInput("--experiment goes with --store, and without --input", reason="BAD_OPTIONS")
        attribution_store.learn(store, experiment, as_of, as_json=as_json)
        return
    if input_file is None or as_of is not None:
        raise InvalidInput("wanted: --input FILE, or --store STORE with --experiment EXPERIMENT", reason="BAD_OPTIONS")
    _learn_from_file(input_file, truth, output, store, as_json=as_json)


def _learn_from_file(
    input_file: Path, truth: Path | None, output: Path | None, store: int | None, *, as_json: bool
) -> None:
    from kiki.orchestrator.attribution.holdout import read_holdout
    from kiki.orchestrator.attribution.learned import confidences, fit_learned
    from kiki.orchestrator.attribution.learned_report import against_truth, learned_report, read_truth

    with open_text(input_file) as file:
        data = read_holdout(_rows(file.text))
    parameters = fit_learned(data)
    found: dict[str, Any] = {**learned_report(data, parameters), "parameters": parameters.to_plain()}
    if truth is not None:
        with open_text(truth) as file:
            caused, chance = read_truth(_rows(file.text), data)
        found["against_truth"] = against_truth(data, parameters, caused, chance)
    if store is not None:
        found["stored"] = attribution_store.put_learned(store, found)
    if output is not None:
        _write_confidences(output, data.users, confidences(parameters, data), data.ordered & ~data.held_out)
    if as_json:
        print_json(found)
        return
    print_fields({name: value for name, value in found.items() if not isinstance(value, dict) or name == "left_out"})
    for name, figures in found.get("against_truth", {}).items():
        if isinstance(figures, dict):
            print_fields(figures, f"\n{name.replace('_', ' ')}")


def _print_model(name: str, figures: dict[str, Any]) -> None:
    console().print(f"\n{name} ({figures['version']})", style="bold")
    rows = sorted(figures["channels"], key=lambda row: (-row["conversions"], row["channel"]))
    shown = ("conversions", "share", "value", "removal_effect")
    print_rows(
        [{**row, **{field: f"{row[field]:.4f}" for field in shown if field in row}} for row in rows],
        ("channel", *(field for field in shown if rows and field in rows[0])),
        empty="No path has a touchpoint.",
    )
    if "ours" in figures:
        parts = (f"{what.replace('_', ' ')} {figure:.4f}" for what, figure in figures["ours"].items())
        console().print(f"ours: {', '.join(parts)}", markup=False)
    if figures["unattributed_conversions"]:
        console().print(f"credited to nobody: {figures['unattributed_conversions']:.4f} conversions", markup=False)
    if "note" in figures:
        console().print(figures["note"], markup=False)


def _write_confidences(path: Path, users: tuple[str, ...], confidence: Any, rows: Any) -> None:
    with writing(path), path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("user_id", "confidence"))
        writer.writerows((users[at], f"{confidence[at]:.6f}") for at in rows.nonzero()[0].tolist())


@contextmanager
def _lines(path: Path, *, show: bool) -> Iterator[Iterator[str]]:
    """The lines of a file, with progress by its size."""
    from rich.progress import Progress

    with open_text(path) as file, Progress(console=error_console(), disable=not show, transient=True) as progress:
        task = progress.add_task("Reading", total=file.size or None)

        def lines() -> Iterator[str]:
            for number, line in enumerate(file.text):
                if number % _PROGRESS_LINES == 0:
                    progress.update(task, completed=file.position())
                yield line

        yield lines()


def _rows(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """Rows by the names of their columns."""
    header = header_of(lines)
    return (dict(zip(header.names, cells, strict=False)) for _, cells in rows_of(lines, header))
