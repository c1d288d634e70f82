"""Our own family: an acoustic model and a vocoder, whose results are the same whole or window by window."""
