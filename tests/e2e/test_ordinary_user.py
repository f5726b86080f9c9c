"""`kiki up` needs no privileges: the same purchase, under an account that is not root."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import kiki
from e2e.mesh import Mesh, running_mesh
from e2e.payloads import woo_order

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

_ACCOUNT = "nobody"
_TRIAL = (
    "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', 'import kiki.runtime.child, asyncpg']))"
)


async def test_an_ordinary_user_runs_the_whole_mesh() -> None:
    python = _ordinary_python()
    if not python:
        pytest.skip(f"root runs the tests, and no Python with these packages can be run by {_ACCOUNT}")
    async with running_mesh("few", {"PYTHONPATH": _packages()}, python=python) as mesh:
        shop = await mesh.add_store("woocommerce")
        assert (await shop.deliver("order.created", woo_order(1))).status_code == 200
        await mesh.settled()
        assert await mesh.endings(shop.store_id) == [("settled", "")]
        assert (await mesh.effects("syncvalue", shop.store_id))["UpdateCustomerLTV"] == 1
        assert 0 not in _owners(mesh)


def _ordinary_python() -> list[str]:
    """A command that runs Python with our packages and without privileges; empty when there is none."""
    if os.geteuid() != 0:
        return [sys.executable]
    account = pwd.getpwnam(_ACCOUNT)
    switch = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    # The interpreter of a virtual environment may stand in root's home; then the system's own of the same version does.
    system = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/local/bin:/usr/bin")
    environment = {**os.environ, "PYTHONPATH": _packages()}
    for interpreter in filter(None, (sys.executable, system)):
        command = [*switch, interpreter]
        with contextlib.suppress(OSError):
            tried = subprocess.run([*command, "-c", _TRIAL], env=environment, cwd="/", capture_output=True, check=False)
            if tried.returncode == 0:
                return command
    return []


def _packages() -> str:
    """Where our code and what it needs stand, for an interpreter outside the virtual environment."""
    return os.pathsep.join([str(Path(kiki.__file__).parents[1]), sysconfig.get_path("purelib")])


def _owners(mesh: Mesh) -> set[int]:
    """Who runs the processes, and who owns the data."""
    return {Path(f"/proc/{pid}").stat().st_uid for pid in mesh.pids.values()} | {(mesh.folder / "data").stat().st_uid}
