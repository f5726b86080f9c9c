"""Models of a store over the API and the command line, with the worker and SyncLedger at work."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integration.orchestrator.workflows.shop import Shop, order, visit
from integration.portal.mesh import running_council, running_worker
from integration.portal.running import KEY, Portal, running_portal
from kiki.cli import exits, jobs
from kiki.cli.main import run
from kiki.clients.council import CouncilClients
from kiki.clients.methods import AGENTS
from kiki.commerce.events import Refund
from kiki.commerce.stores import NewStore, StoreRepository
from kiki.kit.clock import SystemClock
from kiki.kit.money import Money
from kiki.orchestrator.workflows.decider import CommerceDecider
from kiki.portal.jobs import attribution
from kiki.rpc.v1 import syncledger_pb2 as ledger

HEADERS = {"x-internal-api-key": KEY}
PARAMETERS = {
    "features": [],
    "base": -2.2,
    "lift": 0.4,
    "exposure": None,
    "penalty": 10.0,
    "slope": 1.0,
    "treated": 9_000,
    "held_out": 1_000,
    "mean_standard_error": 0.06,
}
SHARE = Decimal("0.297")
"""What these parameters make of an exposed order."""
Kiki = Callable[..., Awaitable[Any]]


@dataclass
class Scene:
    """A connected shop with a campaign, a portal, a worker and SyncLedger."""

    shop: Shop
    portal: Portal
    clients: CouncilClients
    now: dt.datetime
    paid_last_month: dt.datetime

    async def post(self, path: str, body: Any = None, code: int = 202) -> Any:
        answer = await self.portal.http.post(path, headers=HEADERS, json=body)
        assert answer.status_code == code, answer.text
        return answer.json()

    async def get(self, path: str) -> Any:
        answer = await self.portal.http.get(path, headers=HEADERS)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def rules(self, code: int = 200, **rules: Any) -> Any:
        path = f"/internal/stores/{self.shop.store_id}/settings"
        answer = await self.portal.http.patch(path, headers=HEADERS, json=rules)
        assert answer.status_code == code, answer.text
        return answer.json()

    async def done(self, job: Any) -> Any:
        for _ in range(600):
            job = await self.get(f"/internal/jobs/{job['job_id']}")
            if job["status"] in ("succeeded", "failed"):
                return job
            await asyncio.sleep(0.05)
        raise AssertionError(f"the job is {job['status']}")

    async def settled(self) -> None:
        """Until the worker has nothing more to tell SyncLedger."""
        for _ in range(600):
            open_work = await self.portal.rows(
                "SELECT (SELECT count(*) FROM calls.queue WHERE agent = 'syncledger')"
                " + (SELECT count(*) FROM calls.parked WHERE agent = 'syncledger')"
                " + (SELECT count(*) FROM inbox.queue) + (SELECT count(*) FROM inbox.parked) AS left"
            )
            if not open_work[0]["left"]:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("SyncLedger was not told everything")

    async def ledger(self, method: str, request: Any, answer: Any) -> Any:
        return await self.clients.syncledger.call(method, request, answer)

    async def statement(self, at: dt.datetime) -> Any:
        request = ledger.GetMonthlyStatementRequest(
            store_id=self.shop.store_id, year=at.year, month=at.month, page_size=100
        )
        return await self.ledger("GetMonthlyStatement", request, ledger.GetMonthlyStatementResponse)

    async def put_learned(self) -> Any:
        path = f"/internal/attribution/models/{self.shop.store_id}/learned"
        answer = await self.portal.http.put(path, headers=HEADERS, json={"parameters": PARAMETERS, "size": 10_000})
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def scene(dsn: str) -> AsyncIterator[Scene]:
    now = SystemClock().now()
    last_month = (now.replace(day=1) - dt.timedelta(days=1)).replace(day=1, hour=0, minute=0, second=0)
    async with (
        running_council(dsn) as addresses,
        running_worker(dsn, addresses),
        running_portal(dsn, addresses=addresses) as portal,
        CouncilClients.open({**dict.fromkeys(AGENTS, "127.0.0.1:1"), **addresses}, api_key=KEY) as clients,
    ):
        shop, keys = Shop(portal.database, portal.sealer), itertools.count()
        shop.decider = CommerceDecider(portal.sealer, new_key=lambda: f"person-{next(keys)}")
        shop.now = now
        new = NewStore(
            platform="shopify",
            store_key="lamps.example.com",
            display_name="Lamps",
            currency="EUR",
            timezone="UTC",
            webhook_secret="a secret",
            connected_at=last_month,
        )
        async with portal.database.transaction() as connection:
            store, _ = await StoreRepository(portal.sealer).add(connection, new)
        shop.store_id = store.store_id
        await shop.fact("store_connected", {"revision": "1"})
        await shop.register()
        yield Scene(shop, portal, clients, now, last_month + dt.timedelta(days=9, hours=12))


def clicked(number: str, at: dt.datetime, **how: Any) -> Any:
    """An order of a customer of its own, two days after a click."""
    how.setdefault("touch", visit("autumn", at - dt.timedelta(days=2)))
    return order(number, placed_at=at, email=f"u{number}@example.com", customer_id=f"c{number}", **how)


def hold_out() -> str:
    """A user a row: ads make one in ten order who would not have."""
    draw = random.Random(5)
    rows = ["user_id,holdout,ordered,order_amount"]
    for user in range(4_000):
        held_out, anyhow, caused = draw.random() < 0.3, draw.random() < 0.1, draw.random() < 0.1
        rows.append(f"{user},{int(held_out)},{int(anyhow or (caused and not held_out))},10")
    return "\n".join(rows) + "\n"


def eur(message: Any) -> Decimal:
    return Decimal(message.units) + Decimal(message.nanos).scaleb(-9)


@pytest.mark.slow
async def test_the_ledger_books_a_part_and_takes_back_its_part_to_the_cent(council_dsn: str) -> None:
    async with scene(council_dsn) as play:
        put = await play.put_learned()
        await play.rules(attribution_model="learned")
        shop, at = play.shop, play.now - dt.timedelta(hours=1)
        await shop.tell(clicked("1", at, net="99.99", total="119.00"))
        await play.settled()

        async def booked() -> Any:
            return (await play.statement(play.now)).statement

        revenue = (Decimal("99.99") * SHARE).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")
        found = await booked()
        assert (eur(found.incremental_revenue), eur(found.accrued_fee)) == (revenue, Decimal("5.94"))
        refund = Refund(refund_id="r1", amount=Money(3_967, "EUR"), refunded_at=play.now)
        told = {"net": "99.99", "total": "119.00", "updated_at": play.now}
        await shop.tell(clicked("1", at, **told, refunds=[refund]))
        await play.settled()
        third = Decimal(3_967) / Decimal(11_900)
        kept = revenue - (revenue * third).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")
        assert eur((await booked()).incremental_revenue) == kept
        rest = Refund(refund_id="r2", amount=Money(7_933, "EUR"), refunded_at=play.now)
        later = {**told, "updated_at": play.now + dt.timedelta(minutes=1)}
        await shop.tell(clicked("1", at, **later, refunds=[refund, rest]))
        await play.settled()
        found = await booked()
        assert eur(found.incremental_revenue) == eur(found.accrued_fee) == Decimal(0)
        (line,) = (await play.statement(play.now)).lines[:1]
        assert (line.model, line.confidence) == ("learned", pytest.approx(float(SHARE)))
        proof = await play.ledger("VerifyLedger", ledger.VerifyLedgerRequest(), ledger.VerifyLedgerResponse)
        assert proof.ok
        explained = await play.get(f"/internal/attribution/explain/{shop.store_id}/1")
        (decision,) = explained["decisions"]
        assert (decision["model_version"], decision["evidence"]["billed_share"]) == (put["version"], str(SHARE))


@pytest.mark.slow
async def test_a_recalculation_shows_its_diff_and_corrects_closed_months_in_the_open_one(council_dsn: str) -> None:
    async with scene(council_dsn) as play:
        shop, store = play.shop, play.shop.store_id
        await play.rules(attribution_model="last")
        then = play.paid_last_month
        await shop.tell(clicked("1", then), clicked("2", then), clicked("3", then, touch=None))
        await shop.tell(clicked("4", play.now - dt.timedelta(hours=1)))
        await play.settled()
        close = ledger.CloseMonthRequest(store_id=store, event_id="close", year=then.year, month=then.month)
        closed = await play.ledger("CloseMonth", close, ledger.CloseMonthResponse)
        assert eur(closed.statement.incremental_revenue) == 200

        await play.put_learned()
        path = f"/internal/attribution/recalculate/{store}"
        refused = await play.post(path, {"model": "learned", "dry_run": False}, code=409)
        assert refused["reason"] == "MODEL_NOT_IN_FORCE"
        job = await play.done(await play.post(path, {"model": "learned"}))
        assert job["status"] == "succeeded", job
        assert (job["done"], job["total"], job["result"]["changed"]) == (4, 4, 3)
        assert job["result"]["causes"] == {"billed_less": 3}
        months = {row["month"]: (row["orders"], row["then_minor"], row["now_minor"]) for row in job["result"]["months"]}
        assert months == {f"{then:%Y-%m}": (2, 20_000, 5_940), f"{play.now:%Y-%m}": (1, 10_000, 2_970)}
        page = await play.get(f"/internal/jobs/{job['job_id']}/diff?limit=2")
        rest = await play.get(f"/internal/jobs/{job['job_id']}/diff?limit=2&cursor={page['next_cursor']}")
        rows = [*page["orders"], *rest["orders"]]
        assert [row["order_id"] for row in rows] == ["1", "2", "4"]
        assert (rows[0]["then_model"], rows[0]["now_model"], rows[0]["now_minor"]) == ("last", "learned", 2_970)
        assert len(await shop.rows("attributions")) == 3, "a dry run decides nothing"

        refused = await play.post(path, {"diff_job": job["job_id"]}, code=409)
        assert refused["reason"] == "MODEL_NOT_IN_FORCE"
        await play.rules(attribution_model="learned")
        applied = await play.done(await play.post(path, {"diff_job": job["job_id"]}))
        assert (applied["status"], applied["done"]) == ("succeeded", 3)
        await play.settled()
        newest = await play.portal.rows(
            "SELECT order_id, model, cause FROM commerce.attributions WHERE revision = 2 ORDER BY order_id"
        )
        assert [tuple(row.values()) for row in newest] == [
            (number, "learned", "recalculated") for number in ("1", "2", "4")
        ]
        frozen = await play.statement(then)
        assert frozen.digest == closed.digest
        assert eur(frozen.statement.incremental_revenue) == 200
        now = (await play.statement(play.now)).statement
        assert eur(now.incremental_revenue) == Decimal("29.70") + 2 * (Decimal("29.70") - 100)
        again = await play.done(await play.post(path, {"dry_run": True}))
        assert again["result"]["changed"] == 0, "what was applied stands"


@pytest.mark.slow
async def test_models_side_by_side_fits_and_reviews_on_the_command_line(
    council_dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    async def kiki(line: str, code: int = exits.OK) -> str:
        assert await asyncio.to_thread(run, f"attribution {line}".split()) == code
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return printed.out + printed.err if code else printed.out

    async def document(line: str) -> Any:
        printed = await kiki(f"{line} --json")
        return json.loads(printed[printed.index("{\n") :])

    monkeypatch.setattr(jobs, "_POLL_SECONDS", 0.05)
    monkeypatch.setattr(attribution, "PAGE", 3)
    monkeypatch.setattr(attribution, "_VISITORS", 2)
    async with scene(council_dsn) as play:
        monkeypatch.setenv("KIKI_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("KIKI_PORTAL_URL", f"http://127.0.0.1:{play.portal.port}")
        monkeypatch.setenv("KIKI_INTERNAL_API_KEY", KEY)
        shop, store, at = play.shop, play.shop.store_id, play.now - dt.timedelta(hours=1)
        assert (await play.rules(attribution_model="markov", code=409))["reason"] == "NOT_FITTED"
        assert (await play.rules(attribution_model="guess", code=422))["reason"] == "UNKNOWN_MODEL"
        assert (await play.rules(attribution_ab_share=5, code=422))["reason"] == "NO_SECOND_MODEL"
        assert "NO_PATHS" in await kiki(f"fit {store}", exits.FAILED)
        await play.rules(attribution_shadow="last", attribution_ab_share=500_000, review_below="0.6")
        for number in range(8):
            await shop.tell(clicked(str(number), at))
        await shop.tell(clicked("8", at, touch=None))
        clicks = [{"touchpoint_id": f"t{n}", "at": at, "first_party_id": f"v{n}"} for n in range(5)]
        for point in clicks:
            entry = {**point, "at": at.isoformat(), "utm_campaign": "autumn"}
            await play.post(f"/internal/touchpoints/{store}", {"touchpoints": [entry]})
        await play.settled()

        fitted = await document(f"fit {store}")
        assert (fitted["model"], fitted["orders"], fitted["visitors"]) == ("markov", 8, 5)
        known = await document(f"models {store}")
        assert [(row["name"], row["in_use"], row["source"]) for row in known["fits"]] == [("markov", True, "history")]
        assert known["fits"][0]["report"]["p_conversion"] == pytest.approx(8 / 13)
        assert fitted["fingerprint"] in await kiki(f"models {store}")

        compared = await document(f"compare {store}")
        sides = {(row["arm"], row["model"]): row for row in compared["models"]}
        first, second = sides["first", "own"], sides["second", "own"]
        assert first["orders"] + second["orders"] == 9
        assert (first["billed_orders"], first["mean_confidence"]) == (0, 0.5)
        assert (second["billed_orders"], second["mean_confidence"]) == (second["touched"], 1.0)
        assert second["fee_minor"] == second["billed_orders"] * 2_000
        for arm, own, other in (("first", "default", "last"), ("second", "last", "default")):
            assert sides[arm, own]["agreement"] == 1
            assert sides[arm, other]["agreement"] < 1
        assert {"default", "first", "last", "linear", "time_decay", "position", "markov", "shapley", "own"} == {
            model for _, model in sides
        }
        assert "EUR, arm second" in await kiki(f"compare {store} --from 2d")

        waiting = (await kiki(f"reviews list {store}")).splitlines()
        assert len(waiting) == 1 + first["touched"]
        reviewed, turned_down = (line.split()[0] for line in waiting[1:3])
        await kiki(f"reviews approve {store} {reviewed} --reason seen-by-hand")
        await kiki(f"reviews reject {store} {turned_down} --reason not-ours")
        await play.settled()
        assert "No review is open" not in await kiki(f"reviews list {store}")
        explained = await kiki(f"explain {store} {reviewed}")
        for told in (
            "approved",
            "seen-by-hand",
            "actor",
            "cli",
            "click",
            "k1",
            "recorded, never",
        ):
            assert told in explained
        found = await document(f"explain {store} {reviewed}")
        assert [decision["cause"] for decision in found["decisions"]] == ["approved", "placed"]
        assert found["decisions"][1]["evidence"]["signals"][0]["without"] == "0.0"
        (point,) = found["touchpoints"]
        assert (point["campaign_id"], point["in_window"], point["source"]) == ("k1", True, "order")
        assert {row["model"] for row in found["models"]} >= {"default", "markov", "shapley"}
        assert "ORDER_NOT_FOUND" in await kiki(f"explain {store} nothing", exits.NOT_FOUND)

        users = tmp_path / "users.csv"
        users.write_text(hold_out())
        learned = await document(f"learn --input {users} --store {store}")
        assert learned["stored"]["version"] == learned["version"]
        (fit, _) = (await document(f"models {store}"))["fits"]
        assert (fit["name"], fit["source"], fit["size"]) == ("learned", "upload", learned["users"])

        diff_file = tmp_path / "diff.csv"
        diff = await document(f"recalculate {store} --model last --output {diff_file}")
        assert diff["changed"] == first["touched"] - 1, "the approved one stays as a person said"
        assert len(diff_file.read_text().splitlines()) == 1 + diff["changed"]
        refused = await kiki(f"recalculate {store} --model markov --apply", exits.REFUSED)
        assert "MODEL_NOT_IN_FORCE" in refused
        await play.rules(attribution_model="last", attribution_shadow="default", attribution_ab_share=0)
        applied = await document(f"recalculate {store} --model last --apply")
        assert applied["applied"]["orders"] == applied["changed"]
        await play.settled()
        assert "Nothing would change" in await kiki(f"recalculate {store}")
        audited = await play.portal.rows("SELECT count(*) AS n FROM calls.queue WHERE agent = 'syncshield'")
        assert audited[0]["n"] >= 2, "SyncShield is away: what was decided by whom waits for it"
