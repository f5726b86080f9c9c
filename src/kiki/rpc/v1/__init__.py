"""Generated from proto/kiki/rpc/v1; never edited. `make generate` writes it anew."""
