"""Campaigns, ad networks, contracts and creatives: mostly the agents' own messages."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from kiki.portal.internal.answers.shared import Page, StoreNumber, said
from kiki.portal.message_schemas import message
from kiki.rpc.v1 import synccreate_pb2 as create
from kiki.rpc.v1 import syncflow_pb2 as flow
from kiki.rpc.v1 import syncledger_pb2 as ledger

Held = Annotated[dict[str, Any], message(flow.HoldCampaignResponse)]
Released = Annotated[dict[str, Any], message(flow.ReleaseHoldResponse)]
ProductAds = Annotated[dict[str, Any], message(flow.GetProductStateResponse)]
KeptNetwork = Annotated[dict[str, Any], message(flow.PutAdNetworkResponse)]
AdNetworks = Annotated[dict[str, Any], message(flow.ListAdNetworksResponse)]
Terms = Annotated[dict[str, Any], message(ledger.GetContractResponse)]
NewTerms = Annotated[dict[str, Any], message(ledger.PutContractResponse)]


_Listed = Annotated[
    dict[str, Any],
    message(
        flow.Campaign,
        counts_since={
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}],
            "description": "It counts for orders that came in since; 1970 for every order, null until it is taken in.",
        },
        counts_since_reason={
            "type": "string",
            "description": "Why since a time before its registration; empty where it is not.",
        },
    ),
]


class Registered(TypedDict):
    """What a registration did."""

    added: Annotated[int, said("Campaigns that were new.")]
    replaced: Annotated[int, said("Campaigns that were known and are replaced.")]
    reopened: Annotated[int, said("Orders of open months that are decided anew for them; 0 without `effective_from`.")]
    counted_all: Annotated[bool, said("Whether `reopened` counts every order since; it looks at 100,000 at most.")]


class CampaignPage(Page):
    """Registered campaigns."""

    campaigns: Annotated[list[_Listed], said("As SyncFlow has them, and since when they count.")]


class CampaignActionPage(Page):
    """What was done at the ad networks, newest first."""

    actions: Annotated[list[Annotated[dict[str, Any], message(flow.CampaignAction)]], said("Newest first.")]


class CreativePage(Page):
    """Creatives, newest first."""

    creatives: Annotated[list[Annotated[dict[str, Any], message(create.Creative)]], said("Newest first.")]


class ProductCommanded(TypedDict):
    """A person's command for a product's ads, taken in; the worker carries it out."""

    store_id: StoreNumber
    product_id: Annotated[str, said("As the shop names the product.")]
    in_catalogue: Annotated[bool, said("Whether the shop has told of such a product.")]
    command: Annotated[Literal["pause", "resume", "hold", "release"], said("As it was taken in.")]
    status: Annotated[Literal["accepted"], said("How it stands.")]
