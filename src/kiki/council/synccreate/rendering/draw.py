"""Drawing of creatives with Pillow. Runs in a rendering process; pure but for the fonts that it reads."""

from __future__ import annotations

import io
import struct
import warnings
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from kiki.council.synccreate.domain import Format
from kiki.council.synccreate.rendering.fonts import Family, FontBook, drawable
from kiki.council.synccreate.rendering.job import Rendered, RenderJob
from kiki.council.synccreate.rendering.layout import Box, draw_block, fit
from kiki.council.synccreate.rendering.palette import Palette, palette_for
from kiki.council.synccreate.text import is_rtl

_MAX_PICTURE_PIXELS = 40_000_000
_MAX_PICTURE_SIDE = 1600
_MAX_PICTURE_ASPECT = 12
"""A longer strip shrinks to a hairline in every format."""
_FRAMES_PER_CARD = 8
_FRAME_MS = 90
_HOLD_MS = 1500


@lru_cache(maxsize=2)
def _book(configured: str) -> FontBook:
    return FontBook(configured)


def draw(job: RenderJob) -> list[Rendered]:
    """All pictures of a creative."""
    picture = open_picture(job.picture) if job.picture else None
    return [Rendered(form.slot, _encoded(job, form, picture)) for form in job.formats]


def open_picture(content: bytes) -> Image.Image | None:
    """A product picture, upright, in RGB on white; None when it is none, too large to unpack, or a mere line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # About damaged EXIF data: the picture is shown without it.
            return _opened(content)
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError):
        return None


def _opened(content: bytes) -> Image.Image | None:
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP", "GIF")) as opened:
        short, long = sorted(opened.size)
        if short * long > _MAX_PICTURE_PIXELS or short < 32 or long > short * _MAX_PICTURE_ASPECT:
            return None
        opened.draft("RGB", (_MAX_PICTURE_SIDE, _MAX_PICTURE_SIDE))
        upright = ImageOps.exif_transpose(opened).convert("RGBA")
    upright.thumbnail((_MAX_PICTURE_SIDE, _MAX_PICTURE_SIDE), Image.Resampling.LANCZOS)
    white = Image.new("RGB", upright.size, (255, 255, 255))
    white.paste(upright, mask=upright.getchannel("A"))
    return white


def _encoded(job: RenderJob, form: Format, picture: Image.Image | None) -> bytes:
    out = io.BytesIO()
    if form.animated:
        frames, durations = _storyboard(job, form, picture)
        frames[0].save(
            out, "WEBP", save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=80, method=2
        )
    else:
        _frame(job, form.width, form.height, form.card, picture).save(out, "JPEG", quality=92, subsampling=0)
    return out.getvalue()


def _storyboard(job: RenderJob, form: Format, picture: Image.Image | None) -> tuple[list[Image.Image], list[int]]:
    """Product, description, offer: each held long enough to be read, with a slide between them."""
    cards = [_frame(job, form.width, form.height, card, picture) for card in (1, 2, 3)]
    frames: list[Image.Image] = []
    durations: list[int] = []
    for index, card in enumerate(cards):
        frames.append(card)
        durations.append(_HOLD_MS)
        following = cards[(index + 1) % len(cards)]
        for step in range(1, _FRAMES_PER_CARD):
            frames.append(_slide(card, following, _eased(step / _FRAMES_PER_CARD)))
            durations.append(_FRAME_MS)
    return frames, durations


def _eased(part: float) -> float:
    return part * part * (3 - 2 * part)


def _slide(card: Image.Image, following: Image.Image, part: float) -> Image.Image:
    offset = round(card.width * part)
    frame = Image.new("RGB", card.size)
    frame.paste(card, (-offset, 0))
    frame.paste(following, (card.width - offset, 0))
    return frame


def _frame(job: RenderJob, width: int, height: int, card: int, picture: Image.Image | None) -> Image.Image:
    palette = palette_for(job.seed)
    family = _book(job.font_files).family_for(
        [job.title, job.vendor, job.tagline if card == 2 else "", job.price_plain, job.action_text]
    )
    image = _background(width, height, palette)
    canvas = ImageDraw.Draw(image)
    visual, words = _areas(width, height)
    if picture is None:
        _ornament(image, visual, palette, job, family)
    else:
        _place_picture(image, visual, picture)
    _words(image, canvas, words, job, card, palette, family)
    return image


def _areas(width: int, height: int) -> tuple[Box, Box]:
    """Where the visual and the words go; stories keep clear of what the app lays over top and bottom."""
    margin = round(min(width, height) * 0.07)
    if width > height * 1.25:
        middle = round(width * 0.46)
        return Box(margin, margin, middle - margin // 2, height - margin), Box(
            middle + margin // 2, margin, width - margin, height - margin
        )
    top, bottom = (round(height * 0.12), round(height * 0.17)) if height > width * 1.5 else (margin, margin)
    split = top + round((height - top - bottom) * (0.44 if height < width * 1.1 else 0.5))
    return Box(margin, top, width - margin, split), Box(
        margin, split + round(margin * 0.6), width - margin, height - bottom
    )


def _background(width: int, height: int, palette: Palette) -> Image.Image:
    shade = Image.linear_gradient("L").resize((width, height), Image.Resampling.BICUBIC)
    return Image.composite(
        Image.new("RGB", (width, height), palette.bottom), Image.new("RGB", (width, height), palette.top), shade
    )


def _ornament(image: Image.Image, box: Box, palette: Palette, job: RenderJob, family: Family) -> None:
    """Rings and the initial of the brand, where there is no picture."""
    side = min(box.width, box.height)
    scale = 3
    layer = Image.new("L", (box.width * scale, box.height * scale), 0)
    pen = ImageDraw.Draw(layer)
    x, y = box.width * scale // 2, box.height * scale // 2
    for ring, weight in ((0.5, 70), (0.4, 120), (0.29, 255)):
        radius = round(side * scale * ring)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=weight)
    mask = layer.resize((box.width, box.height), Image.Resampling.LANCZOS)
    image.paste(Image.new("RGB", mask.size, palette.shape), (box.left, box.top), mask)
    initial = drawable((job.vendor or job.title)[:1].upper(), family)
    if initial:
        size = max(12, round(side * 0.3))
        centre = (box.left + box.width // 2, box.top + box.height // 2)
        ImageDraw.Draw(image).text(
            centre, initial, font=family.face(size, bold=True), fill=palette.ink, anchor="mm",
            stroke_width=family.embolden(size, bold=True), stroke_fill=palette.ink,
        )  # fmt: skip


def _place_picture(image: Image.Image, box: Box, picture: Image.Image) -> None:
    """The picture on a white card of its own shape, with round corners and a soft shadow."""
    padding, radius = round(min(box.width, box.height) * 0.035), round(min(box.width, box.height) * 0.05)
    shown = ImageOps.contain(picture, (box.width - 2 * padding, box.height - 2 * padding), Image.Resampling.LANCZOS)
    card = Image.new("RGB", (shown.width + 2 * padding, shown.height + 2 * padding), (255, 255, 255))
    card.paste(shown, (padding, padding), _round_mask(shown.size, max(1, radius - padding // 2)))
    at = (box.left + (box.width - card.width) // 2, box.top + (box.height - card.height) // 2)
    mask = _round_mask(card.size, radius)
    shadow = Image.new("L", image.size, 0)
    shadow.paste(mask.point(lambda level: level * 90 // 255), (at[0], at[1] + radius // 2))
    image.paste(Image.new("RGB", image.size, (0, 0, 0)), (0, 0), shadow.filter(ImageFilter.GaussianBlur(radius // 2)))
    image.paste(card, at, mask)


def _round_mask(size: tuple[int, int], radius: int) -> Image.Image:
    scale = 2
    large = Image.new("L", (size[0] * scale, size[1] * scale), 0)
    box = (0, 0, size[0] * scale - 1, size[1] * scale - 1)
    ImageDraw.Draw(large).rounded_rectangle(box, radius * scale, fill=255)
    return large.resize(size, Image.Resampling.LANCZOS)


def _words(
    image: Image.Image,
    canvas: ImageDraw.ImageDraw,
    box: Box,
    job: RenderJob,
    card: int,
    palette: Palette,
    family: Family,
) -> None:
    """Vendor, title (or what it is), price and button, one below the other, centred in the box."""
    unit = min(image.width, image.height) / 100
    gap, rtl = round(unit * 2.4), is_rtl(job.title)
    vendor = fit(
        job.vendor, family, width=box.width, height=round(unit * 6), largest=round(unit * 3.6),
        smallest=round(unit * 2.4), max_lines=1,
    )  # fmt: skip
    price = _price(job, card, family, box.width, unit)
    button = _button(job, palette, family, box.width, unit)
    used = vendor.height + gap // 2 + (price.height + gap // 2 if price else 0) + gap + button.height
    text, largest, lines, bold = (
        (job.tagline, 5.6, 6, False) if card == 2 and job.tagline else (job.title, 8.2, 4, True)
    )
    title = fit(
        text, family, width=box.width, height=max(1, box.height - used), largest=round(unit * largest),
        smallest=round(unit * 3.2), max_lines=lines, bold=bold,
    )  # fmt: skip
    top = box.top + max(0, (box.height - used - title.height) // 2)
    top = draw_block(canvas, vendor, Box(box.left, top, box.right, box.bottom), family, palette.quiet) + gap // 2
    top = draw_block(canvas, title, Box(box.left, top, box.right, box.bottom), family, palette.ink)
    for stamp, space in ((price, gap // 2), (button, gap)):
        if stamp is not None:
            left = box.right - stamp.width if rtl else box.left
            image.paste(stamp, (left, top + space), stamp)
            top += space + stamp.height


def _price(job: RenderJob, card: int, family: Family, width: int, unit: float) -> Image.Image | None:
    """The price, the one before struck through beside it where there is room; None where it is not shown."""
    if not job.price or card == 2:
        return None
    palette = palette_for(job.seed)
    price, before = _priced(job.price, job.price_plain, family), _priced(job.before, job.before_plain, family)
    size = round(unit * (9 if card == 3 else 6.4))
    while family.face(size, bold=True).getlength(price) > width * 0.98 and size > 12:
        size -= 2
    face, small = family.face(size, bold=True), family.face(round(size * 0.55))
    stroke = family.embolden(size, bold=True)
    left = round(face.getlength(price) + size * 0.45) + stroke
    right = left + round(small.getlength(before)) if before else left
    shown = bool(before) and right + 4 <= width
    stamp = Image.new("RGBA", (min(width, right + 4 if shown else left), round(size * 1.25)), (*palette.ink, 0))
    pen = ImageDraw.Draw(stamp)
    line = round(size * 0.98)
    pen.text(
        (stroke, line), price, font=face, fill=palette.ink, anchor="ls", stroke_width=stroke, stroke_fill=palette.ink
    )
    if shown:
        pen.text((left, line), before, font=small, fill=palette.quiet, anchor="ls")
        middle = line - round(size * 0.55 * 0.34)
        pen.line((left - 2, middle, right + 2, middle), fill=palette.quiet, width=max(2, size // 26))
    return stamp


def _priced(price: str, plain: str, family: Family) -> str:
    return price if all(map(family.holds, price)) else drawable(plain, family)


def _button(job: RenderJob, palette: Palette, family: Family, width: int, unit: float) -> Image.Image:
    """The call to action."""
    size = round(unit * 4.2)
    text = drawable(job.action_text, family)
    while family.face(size, bold=True).getlength(text) + size * 2.6 > width and size > 10:
        size -= 1
    face = family.face(size, bold=True)
    height = round(size * 2.3)
    stamp = Image.new("RGBA", (min(width, round(face.getlength(text) + size * 2.6)), height), (*palette.button, 0))
    stamp.paste(Image.new("RGBA", stamp.size, (*palette.button, 255)), (0, 0), _round_mask(stamp.size, height // 2))
    ImageDraw.Draw(stamp).text(
        (stamp.width // 2, height // 2), text, font=face, fill=palette.button_ink, anchor="mm",
        stroke_width=family.embolden(size, bold=True) // 2, stroke_fill=palette.button_ink,
    )  # fmt: skip
    return stamp
