"""Shopify: signed webhooks and what they mean. `signature` reads headers and verifies, `events` reads payloads."""
