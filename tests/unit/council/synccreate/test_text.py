"""Text within limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.council.synccreate.text import cut, graphemes, plain, sentences, width, without_emoji


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Handmade ceramic mug in blue", "Handmade ceramic…", id="at a word"),
        pytest.param("a" * 30, "a" * 19 + "…", id="a long word"),
        pytest.param("世" * 15, "世" * 9 + "…", id="double width"),
        pytest.param("שלום עולם יפה ומאושר", "שלום עולם יפה ומאושר", id="fits, right to left"),
        pytest.param("mug " + "👨‍👩‍👧" * 4, "mug 👨‍👩‍👧…", id="joined emoji stay whole"),
        pytest.param("Tee, Milch und Zucker", "Tee, Milch und…", id="no dangling punctuation"),
    ],
)
def test_a_cut_is_at_a_word_and_never_inside_a_character(text: str, expected: str) -> None:
    assert cut(text, 20) == expected


@given(st.text(max_size=80), st.integers(5, 60))
def test_a_cut_fits_and_keeps_whole_characters(text: str, limit: int) -> None:
    shortened = cut(text, limit)
    assert width(shortened) <= max(limit, 1)
    if shortened != text:
        whole = list(graphemes(text))
        kept = shortened.removesuffix("…")
        assert any("".join(whole[:count]).startswith(kept) for count in range(len(whole) + 1))


@given(st.text(max_size=60))
def test_graphemes_lose_nothing(text: str) -> None:
    assert "".join(graphemes(text)) == text


def test_sentences_are_kept_whole_where_they_fit() -> None:
    assert sentences("Made by hand. Keeps warm. Very nice indeed, and more.", 30) == "Made by hand. Keeps warm."


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("<p>Soft&nbsp;&amp; warm</p><script>x()</script>", "Soft & warm", id="markup"),
        pytest.param("a\u202eb\x00c\n\td", "abc d", id="direction and control characters"),
        pytest.param("1 < 2 and 3 > 2", "1 < 2 and 3 > 2", id="not markup"),
        pytest.param("&lt;p&gt;Soft &amp;amp; warm&lt;/p&gt;", "Soft &amp; warm", id="markup escaped twice"),
        pytest.param("Soft <style>.a{color:red} .b{", "Soft", id="a style that was cut off"),
        pytest.param("Soft <!-- builder: row", "Soft", id="a comment that was cut off"),
        pytest.param("Cafe\u0301", "Café", id="composed"),
        pytest.param("Z" + "\u0316" * 40 + "o", "Z" + "\u0316" * 6 + "o", id="piled-up marks"),
        pytest.param("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦👩‍👩‍👧‍👦", id="joined emoji are no pile"),
    ],
)
def test_plain_text_has_no_markup_and_no_controls(raw: str, expected: str) -> None:
    assert plain(raw) == expected


def test_emoji_go_with_what_belongs_to_them() -> None:
    assert without_emoji("Mug 👩🏽‍🍳 blue 🇩🇪!") == "Mug blue !"


@pytest.mark.parametrize("emoji", ["⏰", "⏳", "▶️", "⬆️", "1️⃣", "❤️", "‼️", "⬛", "🏴", "⭐"])
def test_what_is_shown_as_emoji_goes(emoji: str) -> None:
    assert without_emoji(f"Clock {emoji}") == "Clock"


@pytest.mark.parametrize("text", ["𠮷野家の牛丼", "Ångström © 2026 ™", "№ 5 → 7", "क्षेत्र"])
def test_what_is_no_emoji_stays(text: str) -> None:
    assert without_emoji(text) == text


def test_sentences_without_spaces_between_them_are_kept_whole() -> None:
    assert sentences("職人が手で作りました。毎日使えます。とても丈夫で長く使えるマグカップです。", 40) == (
        "職人が手で作りました。毎日使えます。"
    )
