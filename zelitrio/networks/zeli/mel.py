"""The units of log-mel in both networks: about zero mean and unit standard deviation."""

from __future__ import annotations

from torch import Tensor

# Mean and spread of ln mel over the training corpora, rounded; frozen into every trained weight.
_MEAN, _SPREAD = -4.5, 2.2


def normalise_mel(ln_mel: Tensor) -> Tensor:
    """Natural-log mel to network units."""
    return (ln_mel - _MEAN) / _SPREAD


def denormalise_mel(mel: Tensor) -> Tensor:
    """Network units to natural-log mel."""
    return mel * _SPREAD + _MEAN
