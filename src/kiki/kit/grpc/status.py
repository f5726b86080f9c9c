"""Kinds of failure ↔ gRPC status, both ways in one table. Errors carry `google.rpc.ErrorInfo`."""

from __future__ import annotations

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from kiki.kit import errors
from kiki.kit.errors import KikiError

ERROR_DOMAIN = "kiki.rpc.v1"

_CODES: dict[type[KikiError], grpc.StatusCode] = {
    errors.InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.Conflict: grpc.StatusCode.ALREADY_EXISTS,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    errors.FailedPrecondition: grpc.StatusCode.FAILED_PRECONDITION,
    errors.ResourceExhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.InvariantBroken: grpc.StatusCode.INTERNAL,
}
_KINDS: dict[int, type[KikiError]] = {code.value[0]: kind for kind, code in _CODES.items()}
_KINDS[Code.ABORTED] = errors.Unavailable
_KINDS[Code.CANCELLED] = errors.Unavailable


def status_code(error: KikiError) -> grpc.StatusCode:
    """The status of an error's kind."""
    for kind in type(error).__mro__:
        if kind in _CODES:
            return _CODES[kind]
    return grpc.StatusCode.INTERNAL


def to_status(error: KikiError) -> grpc.Status:
    """The rich status that a server aborts with."""
    detail = AnyMessage()
    detail.Pack(ErrorInfo(reason=error.reason, domain=ERROR_DOMAIN, metadata=error.data))
    code = status_code(error).value[0]
    status: grpc.Status = rpc_status.to_status(Status(code=code, message=error.message, details=[detail]))
    return status


def from_rpc_error(error: grpc.RpcError) -> KikiError:
    """The error that a failed call stands for. A call that got no answer is `Unavailable` or `DeadlineExceeded`."""
    code = error.code() if hasattr(error, "code") else grpc.StatusCode.UNKNOWN
    message = str(error.details() if hasattr(error, "details") else "") or code.name
    reason, data = "", {}
    info = _error_info(error)
    if info is not None:
        reason, data = info.reason, dict(info.metadata)
    kind = _KINDS.get(code.value[0], KikiError)
    return kind(message, reason=reason or code.name, data=data)


def _error_info(error: grpc.RpcError) -> ErrorInfo | None:
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        return None
    for detail in status.details if status else ():
        info = ErrorInfo()
        if detail.Unpack(info):
            return info
    return None


def item_error(error: KikiError) -> tuple[int, str, str]:
    """Code, reason and message for an `ItemError`."""
    return status_code(error).value[0], error.reason, error.message


def error_from_item(code: int, reason: str, message: str) -> KikiError:
    """The error that an `ItemError` stands for."""
    return _KINDS.get(code, KikiError)(message, reason=reason or None)
