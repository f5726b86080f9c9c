"""The mesh that end-to-end tests look at: started once per topology."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from e2e.mesh import Mesh, running_mesh


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=["few", "each"])
async def mesh(request: pytest.FixtureRequest) -> AsyncIterator[Mesh]:
    """A running mesh; tests of one topology share it and keep to stores of their own."""
    async with running_mesh(request.param) as mesh:
        yield mesh
