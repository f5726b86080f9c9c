"""What parameters of the API say where a route leaves it out: the same name means the same everywhere."""

from __future__ import annotations

from typing import Any

TEXTS = {
    "accept": "Which form is wanted, where `format` does not say.",
    "actor": "Only what this one did.",
    "base": "Only rates of one unit of this currency. ISO 4217.",
    "call_id": "The call's number, as the list has it.",
    "campaign_id": "The campaign, by our name of it.",
    "command": "What is to be done.",
    "customer_key": "Our opaque name of the person.",
    "delivery_id": "The delivery's number, as the list has it.",
    "job_id": "The job's number.",
    "k": "The store's collector key.",
    "key": "The store's collector key.",
    "kind": "Only of this kind.",
    "month": "The month, 1 to 12.",
    "name": "The attribution model.",
    "network": "The ad network as campaigns name it, for example `meta`.",
    "order_id": "The order, as the shop names it.",
    "page_token": "`next_page_token` of the page before; empty for the first.",
    "path": "The picture, as the creative names it.",
    "placed_from": "Placed then or later.",
    "placed_to": "Placed before.",
    "platform": "For example `shopify`.",
    "product_id": "The product, as the shop names it.",
    "promotion_id": "The promotion's number, as the list has it.",
    "quote": "Only rates in this currency. ISO 4217.",
    "received_from": "Received then or later.",
    "received_to": "Received before.",
    "resource_type": "Only what was done to resources of this type.",
    "since": "This day or later, YYYY-MM-DD.",
    "status": "How they stand.",
    "store_id": "The store's number.",
    "subscription_id": "The subscription's number.",
    "token": "As it stood in the address that was given out.",
    "topic": "As the platform names it, for example `orders/create`.",
    "until": "This day or earlier, YYYY-MM-DD.",
    "verdict": "How they were decided.",
    "year": "The year.",
}


def explain(operation: dict[str, Any]) -> None:
    """Give every parameter of an operation its text; its own wins."""
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        if not parameter.get("description") and not schema.get("description") and parameter["name"] in TEXTS:
            parameter["description"] = TEXTS[parameter["name"]]
