"""KIKI SyncPortal: signed webhooks in, proven outcome-based statements out."""

import os

__version__ = "0.1.0"

# gRPC's handlers run in every child that is forked and kill one in eight of them while calls are under way (PostgreSQL
# is started so, under another user). No child of ours uses gRPC before it executes another program. Read at its import.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
