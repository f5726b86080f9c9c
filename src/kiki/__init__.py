"""KIKI SyncPortal: signed webhooks in, proven outcome-based statements out."""

__version__ = "0.1.0"
