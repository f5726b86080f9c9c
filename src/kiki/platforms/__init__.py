"""Store platforms, one folder each, all of one shape, listed by `registry`. Pure meaning, no state, no I/O."""
