"""The page for people of the HTTP API, and its OpenAPI document: both served by this machine alone, without scripts.

`page.py` writes the page from the document; nothing here knows a route. Start at `endpoints.py`.
"""
