"""The contract as code, generated from proto/."""
