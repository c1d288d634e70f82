"""Our own family: an acoustic model and a vocoder that run whole or window by window, equally."""
