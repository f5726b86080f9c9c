"""What SyncLedger refuses, and why."""

from __future__ import annotations

from kiki.kit.errors import FailedPrecondition, InvalidInput, InvariantBroken, NotFound


class BadRequest(InvalidInput):
    """A field is missing or cannot be used."""

    reason = "BAD_REQUEST"


class NoContract(FailedPrecondition):
    """The store has no contract yet; once it has one, the same request succeeds."""

    reason = "NO_CONTRACT"

    def __init__(self, store_id: int) -> None:
        super().__init__(f"store {store_id} has no contract yet")


class ContractUnknown(NotFound):
    """The store has no contract."""

    reason = "NO_CONTRACT"

    def __init__(self, store_id: int) -> None:
        super().__init__(f"store {store_id} has no contract")


class TermRefused(InvalidInput):
    """A term of a contract is not possible."""

    reason = "TERM_REFUSED"


class BaselineDiffers(FailedPrecondition):
    """A baseline counts another amount than the contract is on; once they agree, the same request succeeds."""

    reason = "BASELINE_BASIS_DIFFERS"


class CannotClose(FailedPrecondition):
    """The month cannot be closed now."""

    reason = "CANNOT_CLOSE"


class Unbalanced(InvariantBroken):
    """Postings do not sum to zero."""

    reason = "UNBALANCED_POSTINGS"
