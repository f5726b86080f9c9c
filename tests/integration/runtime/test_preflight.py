"""Addresses that somebody else listens on."""

from __future__ import annotations

import asyncio
import socket

import pytest

from kiki.kit.errors import FailedPrecondition
from kiki.runtime.preflight import free_addresses
from kiki.runtime.topology import ProcessEvent


def _taken() -> tuple[socket.socket, tuple[str, int]]:
    one = socket.create_server(("127.0.0.1", 0))
    return one, one.getsockname()


async def test_a_taken_address_is_told_at_once_and_then_refused_with_its_owner() -> None:
    taken, address = _taken()
    events: list[ProcessEvent] = []
    with taken, pytest.raises(FailedPrecondition, match=rf"portal: 127[.]0[.]0[.]1:{address[1]} [(]Address") as refused:
        await free_addresses({"portal": address}, events.append, 0.0)
    assert refused.value.reason == "PORT_TAKEN"
    assert [event.kind for event in events] == ["waiting"]


async def test_an_address_that_is_just_being_released_is_waited_for() -> None:
    taken, address = _taken()
    events: list[ProcessEvent] = []
    async with asyncio.timeout(30):
        waiting = asyncio.create_task(free_addresses({"syncflow": address}, events.append, 30.0))
        while not events:
            await asyncio.sleep(0.01)
        taken.close()
        await waiting
    assert len(events) == 1, "it is told once"


async def test_a_host_that_is_not_ours_is_refused_without_waiting() -> None:
    events: list[ProcessEvent] = []
    with pytest.raises(FailedPrecondition, match=r"portal: 192[.]0[.]2[.]1:8060 "):
        await free_addresses({"portal": ("192.0.2.1", 8060)}, events.append, 3600.0)
    assert events == []


async def test_free_addresses_are_nobodys_news() -> None:
    taken, address = _taken()
    taken.close()
    events: list[ProcessEvent] = []
    await free_addresses({"portal": address}, events.append, 0.0)
    assert events == []
