"""Pictures from real rendering processes; product pictures over real HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from integration.council.synccreate.harness import generate, open_create, product
from kiki.rpc.v1 import synccreate_pb2 as pb


def _jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (400, 300), (200, 30, 30)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
async def shop() -> AsyncIterator[str]:
    """A shop that serves one picture, and a page that claims to be one."""
    answers = {"/red.jpg": ("image/jpeg", _jpeg()), "/page": ("text/html", b"<html>")}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        while (await reader.readline()).strip():
            pass
        kind, body = answers[line.split()[1].decode()]
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_pictures_are_drawn_in_the_network_s_sizes_and_never_change(create_dsn: str, shop: str) -> None:
    async with open_create(create_dsn, fetch_allow_private=True) as create:
        made = await create.call("GenerateProductCreative", generate(product=product(image_urls=[f"{shop}/red.jpg"])))
        creative = await create.settled(made.creative_id)
        assert creative.status == pb.RENDER_STATUS_READY
        for asset in creative.assets:
            got = await create.call("GetAsset", pb.GetAssetRequest(asset_id=asset.asset_id))
            assert hashlib.sha256(got.content).hexdigest() == got.sha256 == asset.sha256
            picture = Image.open(io.BytesIO(got.content))
            assert picture.size == (asset.width, asset.height)
            colours = picture.convert("RGB").getcolors(2**24)
            assert colours is not None
            assert any(abs(r - 200) < 12 and g < 50 and b < 50 for _, (r, g, b) in colours), (
                "the shop's picture is shown"
            )


async def test_a_moving_storyboard_has_frames_and_a_poster(create_dsn: str) -> None:
    async with open_create(create_dsn) as create:
        request = generate(creative_type=pb.CREATIVE_TYPE_VIDEO, ad_network=pb.AD_NETWORK_TIKTOK)
        creative = await create.settled((await create.call("GenerateProductCreative", request)).creative_id)
        assert [asset.slot for asset in creative.assets] == ["storyboard", "poster"]
        got = await create.call("GetAsset", pb.GetAssetRequest(asset_id=creative.assets[0].asset_id))
        assert got.content_type == "image/webp"
        assert getattr(Image.open(io.BytesIO(got.content)), "n_frames", 1) > 10


@pytest.mark.parametrize("path", ["/page", "/red.jpg"])
async def test_a_picture_that_cannot_be_used_falls_back_to_type(create_dsn: str, shop: str, path: str) -> None:
    # Private addresses are not allowed here, so even the good picture is out of reach.
    async with open_create(create_dsn, fetch_allow_private=path == "/page") as create:
        made = await create.call("GenerateProductCreative", generate(product=product(image_urls=[f"{shop}{path}"])))
        assert (await create.settled(made.creative_id)).status == pb.RENDER_STATUS_READY


async def test_a_creative_that_cannot_be_drawn_is_shown_as_failed(create_dsn: str) -> None:
    async with open_create(create_dsn, render_timeout_seconds=0.001, max_attempts=1) as create:
        made = await create.call("GenerateProductCreative", generate())
        creative = await create.settled(made.creative_id)
        assert (creative.status, creative.failure) == (pb.RENDER_STATUS_FAILED, "RENDER_TIMEOUT")
