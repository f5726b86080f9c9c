"""What a decision's request becomes."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from kiki.council.syncledger.convert import revenue_item
from kiki.kit.digest import semantic_digest
from kiki.kit.grpc.money import minor_to_proto
from kiki.rpc.v1 import syncledger_pb2 as pb


def test_what_the_statement_shows_beside_the_evidence_leaves_the_digest_as_it_was() -> None:
    """A request that was answered before the statement showed it is the same request when it is repeated."""
    request = pb.RecordIncrementalRevenueRequest(
        store_id=1,
        event_id="e",
        order_id="1",
        order_amount=minor_to_proto(11_900, "EUR"),
        net_sales=minor_to_proto(10_000, "EUR"),
        incremental_share="0.5",
        campaign_id="autumn",
        touchpoints=[pb.Touchpoint(signal="click", weight=0.5)],
        ordered_at=Timestamp(seconds=1),
        paid_at=Timestamp(seconds=2),
        exchange_rate="1.1",
    )
    item = revenue_item(request)
    shown = pb.StatementLine.FromString(item.command.evidence)
    assert (shown.net_sales, shown.incremental_share) == (request.net_sales, "0.5")
    assert (shown.touchpoints[0].signal, shown.exchange_rate) == ("click", "1.1")
    for name in ("net_sales", "incremental_share"):
        shown.ClearField(name)
    before = item.command._replace(evidence=shown.SerializeToString(deterministic=True))
    assert item.digest == semantic_digest("revenue", before)
