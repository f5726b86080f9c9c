"""What merchants paste, run as their shop runs it: PHP by php over stubs of WordPress, Liquid by liquidjs on node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kiki.commerce.collectors import CollectorStore
from kiki.commerce.stores import StoreSettings
from kiki.portal.collector.snippet import customer_snippet, order_snippet

PHP, NODE = shutil.which("php"), shutil.which("node")
SECRET = "5ec2e7" * 5
HERE = Path(__file__).parent
LIQUID = HERE.parents[2] / "node_modules" / "liquidjs"
CLASSIC, BLOCKS = "woocommerce_checkout_create_order", "woocommerce_store_api_checkout_update_order_meta"
needs_php = pytest.mark.skipif(PHP is None, reason="php is not installed: the pasted PHP cannot be run")
needs_liquid = pytest.mark.skipif(
    NODE is None or not LIQUID.is_dir(), reason="node or liquidjs is missing (npm ci): the pasted Liquid cannot be run"
)
_RENDER = (
    "const {Liquid}=require(process.argv[1]);const {createHmac}=require('crypto');const liquid=new Liquid();"
    "liquid.registerFilter('hmac_sha256',(text,key)=>createHmac('sha256',key).update(text).digest('hex'));"
    "const {template,page}=JSON.parse(require('fs').readFileSync(0,'utf8'));"
    "process.stdout.write(liquid.parseAndRenderSync(template,page))"
)
_CALLS = (
    "const {code,known}=JSON.parse(require('fs').readFileSync(0,'utf8'));const calls=[];"
    "globalThis.window=globalThis;if(known)globalThis.kiki=(...given)=>calls.push(given);"
    "new Function(code)();process.stdout.write(JSON.stringify(calls))"
)


def shop(platform: str) -> CollectorStore:
    return CollectorStore(7, platform, "shop.example", "0123456789abcdef" * 2, StoreSettings())


def wordpress(
    *,
    cookies: dict[str, Any] | None = None,
    user: int = 0,
    orders: tuple[tuple[str, int], ...] = ((CLASSIC, 0), (BLOCKS, 77)),
    times: int = 1,
    secret: str = SECRET,
) -> dict[str, Any]:
    """What became of a visitor's orders, and what stands in the page's footer."""
    assert PHP is not None
    store = shop("woocommerce")
    given = {
        "code": order_snippet(store) + "\n" + (customer_snippet(store, secret) if times == 1 else ""),
        "times": times,
        "cookies": cookies or {"unrelated": "1"},
        "user": user,
        "orders": [{"hook": hook, "id": order_id} for hook, order_id in orders],
    }
    found: dict[str, Any] = json.loads(_run([PHP, str(HERE / "pasted.php")], given))
    return found


def liquid(page: dict[str, Any], secret: str = SECRET) -> str:
    """The pasted Liquid as a page of the shop renders it."""
    assert NODE is not None
    return _run(
        [NODE, "-e", _RENDER, str(LIQUID)], {"template": customer_snippet(shop("shopify"), secret), "page": page}
    )


def calls_of(html: str, *, known: bool = True) -> list[list[Any]]:
    """The script in the HTML is one element; what it calls `kiki` with, where a pixel is `known` to the page."""
    assert NODE is not None
    assert html.count("<script>") == html.count("</script>") == 1
    assert html.startswith("<script>")
    assert html.endswith("</script>")
    code = html.removeprefix("<script>").removesuffix("</script>")
    found: list[list[Any]] = json.loads(_run([NODE, "-e", _CALLS], {"code": code, "known": known}))
    return found


def _run(command: list[str], given: dict[str, Any]) -> str:
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
