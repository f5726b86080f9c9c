"""Programs that are started under another user, as PostgreSQL is, while gRPC calls are under way."""

from __future__ import annotations

import os
import subprocess
import sys

_PROGRAM = """
import asyncio, os, subprocess
import kiki
import grpc.aio

def deaths():
    ended = [subprocess.run(["/bin/true"], user=os.geteuid()).returncode for _ in range(100)]
    return sum(code != 0 for code in ended)

async def main():
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    starting, answered = asyncio.create_task(asyncio.to_thread(deaths)), 0
    while not starting.done():
        try:
            await channel.unary_unary("/nobody/Answers")(b"")
        except grpc.aio.AioRpcError as error:
            answered += error.code() is grpc.StatusCode.UNIMPLEMENTED
    await channel.close()
    await server.stop(None)
    print(starting.result(), "died", "under way" if answered else "idle")

asyncio.run(main())
"""


def test_every_program_starts_while_calls_are_under_way() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "GRPC_ENABLE_FORK_SUPPORT"}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "0 died under way\n", done.stderr[-2000:]
