"""Drawing: sizes, hostile pictures, letters that a font lacks."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from kiki.council.synccreate.domain import AdNetwork, CreativeType, Format
from kiki.council.synccreate.limits import MAX_FILE_BYTES, formats
from kiki.council.synccreate.rendering.draw import draw, open_picture
from kiki.council.synccreate.rendering.fonts import Family, drawable
from kiki.council.synccreate.rendering.job import RenderJob
from kiki.council.synccreate.rendering.layout import fit

WORDS = {
    "plain": "Lamp",
    "long": "A title that goes on and on, with Donaudampfschifffahrtsgesellschaftskapitän and much more after it " * 2,
    "right to left": "مصباح خشبي يدوي الصنع",
    "emoji": "👨‍👩‍👧 🇩🇪",
    "wide": "手作りの陶器マグカップ、オーロラブルー、350ml",
    "empty": "",
}


def job(title: str, form: Format) -> RenderJob:
    return RenderJob(
        "1:p1", title, title, title, "€24.90", "EUR 24.90", "€29.90", "EUR 29.90", "Shop now", None, (form,)
    )


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS.keys())
@pytest.mark.parametrize(
    "form",
    [Format("landscape", 1200, 628), Format("story", 1080, 1920), Format("card-2", 1080, 1080, card=2)],
    ids=lambda form: form.slot,
)
def test_any_words_give_a_picture_of_the_right_size(words: str, form: Format) -> None:
    (rendered,) = draw(job(words, form))
    assert len(rendered.content) < MAX_FILE_BYTES
    assert Image.open(io.BytesIO(rendered.content)).size == (form.width, form.height)


def test_every_format_of_every_network_is_drawn() -> None:
    for network in AdNetwork:
        for form in formats(CreativeType.CAROUSEL, network):
            assert draw(job("Lamp", form))


@pytest.mark.parametrize("text", [word for word in WORDS.values() if word])
def test_text_never_leaves_its_box(text: str) -> None:
    family = Family(None, None)
    block = fit(text, family, width=300, height=120, largest=60, smallest=12, max_lines=3, bold=True)
    face = family.face(block.size, bold=True)
    assert block.height <= 120
    assert all(face.getlength(line) <= 300 for line in block.lines)


def test_letters_that_a_font_lacks_lose_their_accents_or_are_left_out() -> None:
    assert drawable("Café – Straße 世 😀", Family(None, None)) == "Cafe - Strasse"


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xd8\xff\xe0broken", b"GIF89a\xff\xff\xff\xff"])
def test_what_is_no_picture_is_ignored(content: bytes) -> None:
    assert open_picture(content) is None


def test_a_decompression_bomb_is_not_unpacked() -> None:
    out = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(out, "PNG")
    assert len(out.getvalue()) < 100_000
    assert open_picture(out.getvalue()) is None


@pytest.mark.parametrize("size", [(40_000, 32), (32, 40_000), (500, 32)], ids=["line", "post", "strip"])
def test_a_picture_that_is_a_mere_line_never_spoils_a_creative(size: tuple[int, int]) -> None:
    out = io.BytesIO()
    Image.new("RGB", size).save(out, "PNG")
    assert open_picture(out.getvalue()) is None
    form = Format("storyboard", 540, 960, animated=True)
    words = ("Lamp", "Nordlicht", "", "", "", "", "", "Shop now")
    assert draw(RenderJob("1:p1", *words, out.getvalue(), (form,)))


def test_damaged_exif_data_costs_nothing_but_themselves() -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 48)).save(out, "JPEG", exif=exif)
    for at in range(20, 70):
        damaged = bytearray(out.getvalue())
        damaged[at] ^= 0xFF
        open_picture(bytes(damaged))
    assert open_picture(out.getvalue()) is not None
