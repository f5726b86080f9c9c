"""The render worker: takes jobs under a lease, draws, stores. Failures are tried again, then shown."""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets

from kiki.council.synccreate.limits import LIMITS, MAX_FILE_BYTES, formats
from kiki.council.synccreate.rendering.job import Rendered, RenderJob
from kiki.council.synccreate.rendering.pictures import Pictures
from kiki.council.synccreate.rendering.pool import PooledRenderer
from kiki.council.synccreate.repository import CreativeRepository, Job
from kiki.council.synccreate.settings import SyncCreateSettings
from kiki.council.synccreate.text import plain
from kiki.council.synccreate.writing import price_text, title_of
from kiki.kit.clock import Clock
from kiki.kit.database import Database
from kiki.kit.errors import KikiError, ResourceExhausted
from kiki.kit.logging import frames_of, get_logger, kinds_of

_log = get_logger("synccreate.rendering")


class RenderWorker:
    """Runs until cancelled. Any number of workers may run against one database."""

    def __init__(
        self,
        *,
        database: Database,
        repository: CreativeRepository,
        renderer: PooledRenderer,
        pictures: Pictures,
        settings: SyncCreateSettings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._repository = repository
        self._renderer = renderer
        self._pictures = pictures
        self._settings = settings
        self._clock = clock
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something waits: look now."""
        self._wake.set()

    async def run(self) -> None:
        """Draw what waits, as many at once as there are rendering processes."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self._settings.render_processes):
                    tasks.create_task(self._draw_on())
        finally:
            self._renderer.close()

    async def _draw_on(self) -> None:
        while True:
            more = False
            try:
                more = await self.render_one()
            except KikiError as error:
                _log.warning("round_failed", reason=error.reason)
            except Exception as error:  # noqa: BLE001 - one bad round never ends the worker
                _log.error("round_failed", error=kinds_of(error), frames=frames_of(error))
            if not more:
                self._renderer.close_if_idle(self._settings.idle_seconds)
                await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._settings.poll_seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def render_one(self) -> bool:
        """Take one job and settle it; False when nothing waits."""
        token, lease = secrets.randbits(62), dt.timedelta(seconds=self._settings.lease_seconds)
        async with self._database.transaction() as connection:
            job = await self._repository.take_job(connection, token=token, now=self._clock.now(), lease=lease)
        if job is None:
            return False
        try:
            rendered = await self._draw(job)
        except Exception as error:  # noqa: BLE001 - whatever drawing raises is the job's failure
            await self._fail(job, token, error)
            return True
        async with self._database.transaction() as connection:
            await self._repository.finish_job(connection, job, rendered, token=token, now=self._clock.now())
        _log.info("creative_rendered", store_id=job.store_id, creative_id=job.creative_id, version=job.version)
        return True

    async def _draw(self, job: Job) -> list[Rendered]:
        picture = await self._pictures.fetch(job.product.image_url)
        rendered = await self._renderer.render(_drawing(job, picture, self._settings.font_files))
        if any(len(item.content) > MAX_FILE_BYTES for item in rendered):
            raise ResourceExhausted("a picture is larger than ad networks take", reason="PICTURE_TOO_LARGE")
        return rendered

    async def _fail(self, job: Job, token: int, error: Exception) -> None:
        reason = error.reason if isinstance(error, KikiError) else f"RENDER_{type(error).__name__.upper()}"
        final = job.attempts >= self._settings.max_attempts
        _log.warning(
            "creative_not_rendered", store_id=job.store_id, creative_id=job.creative_id, reason=reason,
            attempts=job.attempts, final=final,
        )  # fmt: skip
        retry_at = None if final else self._clock.now() + _backoff(job.attempts)
        async with self._database.transaction() as connection:
            await self._repository.fail_job(connection, job, token=token, reason=reason, retry_at=retry_at)


def _drawing(job: Job, picture: bytes | None, font_files: str) -> RenderJob:
    product, limits = job.product, LIMITS[job.network]
    before = product.compare_at_minor if product.is_reduced else None

    def price(minor: int | None, *, symbol: bool) -> str:
        return price_text(minor, product.currency, job.locale, symbol=symbol)

    return RenderJob(
        seed=f"{job.store_id}:{product.product_id}",
        title=title_of(product, limits),
        vendor=plain(product.vendor),
        tagline=job.copy.description,
        price=price(product.price_minor, symbol=True),
        price_plain=price(product.price_minor, symbol=False),
        before=price(before, symbol=True),
        before_plain=price(before, symbol=False),
        action_text=job.copy.action_text,
        picture=picture,
        formats=formats(job.creative_type, job.network),
        font_files=font_files,
    )


def _backoff(attempts: int) -> dt.timedelta:
    """Ten seconds, doubling, at most half an hour, with jitter."""
    return dt.timedelta(seconds=min(10 * 2 ** max(0, attempts - 1), 1800) * (0.75 + secrets.randbelow(500) / 1000))
