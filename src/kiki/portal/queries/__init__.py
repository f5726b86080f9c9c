"""Reading what the orchestrator and the shop tables hold, for lists and single views. Writes nothing."""
