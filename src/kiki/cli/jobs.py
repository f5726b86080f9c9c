"""Background jobs of the portal, followed to their end."""

from __future__ import annotations

import time
from typing import Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kiki.cli import exits
from kiki.cli.output import error_console, print_fields, print_json
from kiki.cli.portal_client import PortalClient

_POLL_SECONDS = 0.5
_ENDS = ("succeeded", "failed", "cancelled")
_WAYS_OUT = {"NO_SHOP_CREDENTIALS": "`kiki stores credentials` keeps how the shop's API is reached."}


def follow(portal: PortalClient, job: dict[str, Any], *, as_json: bool) -> None:
    """Show a job's progress until it ends, then the job. Exit code 1 when it did not succeed."""
    job = wait(portal, job, as_json=as_json)
    if as_json:
        print_json(job)
    else:
        print_fields({name: value for name, value in job.items() if name != "result"})
        if way := _WAYS_OUT.get(job["reason"]):
            error_console().print(way, markup=False)
    if job["status"] != "succeeded":
        raise typer.Exit(exits.FAILED)


def finished(portal: PortalClient, job: dict[str, Any], *, as_json: bool) -> dict[str, Any]:
    """The job when it succeeded; shown, with exit code 1, when it did not."""
    job = wait(portal, job, as_json=as_json)
    if job["status"] != "succeeded":
        follow(portal, job, as_json=as_json)
    return job


def wait(portal: PortalClient, job: dict[str, Any], *, as_json: bool) -> dict[str, Any]:
    """The job at its end; its progress is shown meanwhile."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=error_console(), disable=as_json, transient=True) as progress:
        task = progress.add_task(str(job.get("kind", "job")), total=job.get("total"))
        while job["status"] not in _ENDS:
            time.sleep(_POLL_SECONDS)
            job = portal.get(f"/internal/jobs/{job['job_id']}")
            progress.update(task, completed=job.get("done") or 0, total=job.get("total"))
    return job
