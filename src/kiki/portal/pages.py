"""The few pages for people who have no account: plain, never cached, without scripts."""

from __future__ import annotations

from starlette.responses import HTMLResponse

_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body{{font:17px/1.5 system-ui,sans-serif;max-width:32rem;margin:12vh auto;padding:0 1rem}}
button{{font:inherit;padding:.5rem 1.2rem}}</style></head>
<body><h1>{title}</h1><p>{text}</p>{form}</body></html>
"""


def page(title: str, text: str, form: str = "", *, status: int = 200) -> HTMLResponse:
    """A title, a sentence and perhaps a form. All three are HTML: text from elsewhere is escaped before."""
    return HTMLResponse(_PAGE.format(title=title, text=text, form=form), status_code=status, headers=_HEADERS)
