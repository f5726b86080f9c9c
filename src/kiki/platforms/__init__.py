"""Store platforms, one folder each, all of one shape: signature, events, connect, api, settings. Pure meaning, no state."""
