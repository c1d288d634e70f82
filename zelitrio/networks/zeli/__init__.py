"""Our own family: an acoustic model and a vocoder, with equal results whole and window by window."""
