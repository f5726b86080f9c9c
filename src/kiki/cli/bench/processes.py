"""Processor time and memory of running processes, read from /proc."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a group of processes used: processor seconds since its start, and resident memory now."""

    cpu_seconds: float
    memory_bytes: int


def usage_of(roots: Mapping[str, int]) -> dict[str, Usage]:
    """Usage per named process, its descendants included. A process that is gone counts as nothing."""
    children = _children()
    return {name: _sum(_tree(pid, children)) for name, pid in roots.items()}


def cpu_between(before: Mapping[str, Usage], after: Mapping[str, Usage]) -> dict[str, float]:
    """Processor seconds per named process between two looks."""
    return {name: max(0.0, after[name].cpu_seconds - before[name].cpu_seconds) for name in before if name in after}


def _sum(pids: Sequence[int]) -> Usage:
    cpu, memory = 0.0, 0
    for pid in pids:
        cpu += _cpu_seconds(pid)
        memory += _private_bytes(pid)
    return Usage(cpu, memory)


def _cpu_seconds(pid: int) -> float:
    fields = _stat(pid)
    if not fields:
        return 0.0
    # utime, stime, and those of children that ended and were waited for (proc_pid_stat(5), fields 14 to 17)
    return sum(int(fields[index]) for index in (11, 12, 13, 14)) / _TICKS_PER_SECOND


def _private_bytes(pid: int) -> int:
    """Resident memory without what is shared, so that PostgreSQL's buffers are not counted once per backend."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * _PAGE_BYTES


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (fields := _stat(int(entry.name))):
            found.setdefault(int(fields[1]), []).append(int(entry.name))
    return found


def _tree(root: int, children: Mapping[int, Sequence[int]]) -> list[int]:
    pids, waiting = [], [root] if root else []
    while waiting:
        pid = waiting.pop()
        pids.append(pid)
        waiting.extend(children.get(pid, ()))
    return pids
