"""Narrow a trained network: remove inner units of its blocks and refit the weights of the others.

Units are removed one by one.  The next one is that with the least change of the block's outputs after
refitting the others (optimal brain surgeon, for a layer with several outputs).  Outputs on real frames
decide, not the size of weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs
import torch
from torch import Tensor, nn

from zelitrio.networks import FineVocoder, PitchedAcousticModel, StreamingBlock

_RIDGE = 1e-4
"""Ridge regularisation as a share of the mean second moment, which keeps ineffective weights small."""


def narrow_vocoder(wide: FineVocoder, inner: int, part_inner: int, run: Callable[[], object]) -> FineVocoder:
    """Make a vocoder with narrower inner layers.

    Args:
        wide: the trained vocoder, not folded.
        inner, part_inner: values of the result's `FineVocoderConfig`.
        run: runs `wide` on real frames.
    """
    narrow = FineVocoder(attrs.evolve(wide.config, inner=inner, part_inner=part_inner))
    _narrow(wide, narrow, run)
    return narrow


def narrow_acoustic(
    wide: PitchedAcousticModel, decoder_inner: int, run: Callable[[], object]
) -> PitchedAcousticModel:
    """Make an acoustic model with a narrower decoder; see `narrow_vocoder`."""
    narrow = PitchedAcousticModel(attrs.evolve(wide.config, decoder_inner=decoder_inner))
    _narrow(wide, narrow, run)
    return narrow


@torch.no_grad()
def _narrow(wide: nn.Module, narrow: nn.Module, run: Callable[[], object]) -> None:
    device = next(wide.parameters()).device
    narrow.to(device)
    sizes = {name: part.shape for name, part in narrow.state_dict().items()}
    fitting = {name: part for name, part in wide.state_dict().items() if part.shape == sizes[name]}
    narrow.load_state_dict(fitting, strict=False)
    pairs = [
        (block, narrow.get_submodule(name))
        for name, block in wide.named_modules()
        if isinstance(block, StreamingBlock)
    ]
    smaller = [
        (block, small)
        for block, small in pairs
        if isinstance(small, StreamingBlock) and small.expand.out_features != block.expand.out_features
    ]
    moments = second_moments([block.contract for block, _ in smaller], run)
    for (block, small), moment in zip(smaller, moments, strict=True):
        fit_block(block, small, moment)


@torch.no_grad()
def second_moments(layers: Iterable[nn.Linear], run: Callable[[], object]) -> list[Tensor]:
    """Measure E[x x'] of each layer's inputs x (with a constant 1) during `run`: [inputs + 1, inputs + 1]."""
    sums: list[Tensor] = []
    hooks = []
    for layer in layers:
        total = torch.zeros(
            layer.in_features + 1, layer.in_features + 1, dtype=torch.float64, device=layer.weight.device
        )
        sums.append(total)

        def add(_: nn.Module, inputs: tuple[Tensor, ...], total: Tensor = total) -> None:
            x = inputs[0].detach().flatten(0, -2).double()
            x = torch.cat((x, x.new_ones(len(x), 1)), 1)
            total.addmm_(x.t(), x)

        hooks.append(layer.register_forward_pre_hook(add))
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return [total / total[-1, -1].clamp(min=1.0) for total in sums]


@torch.no_grad()
def fit_block(wide: StreamingBlock, narrow: StreamingBlock, moment: Tensor) -> None:
    """Copy the wide block's most useful inner units to a narrow block, and refit its output weights."""
    weight = torch.cat((wide.contract.weight, wide.contract.bias[:, None]), 1).double()
    if wide.scale is not None:
        weight = weight * wide.scale.double()[:, None]
    kept, fitted = chosen_units(weight, moment, narrow.expand.out_features)
    scale = wide.scale if wide.scale is not None else torch.ones(len(weight), device=weight.device)
    # If a channel's scale is nearly zero, its weights would not be finite.
    safe = torch.where(scale.abs() < 1e-6, 1e-6, scale).double()
    narrow.expand.weight.copy_(wide.expand.weight[kept])
    narrow.expand.bias.copy_(wide.expand.bias[kept])
    narrow.contract.weight.copy_(fitted[:, :-1] / safe[:, None])
    narrow.contract.bias.copy_(fitted[:, -1] / safe)
    if narrow.scale is not None:
        narrow.scale.copy_(safe)


def chosen_units(weight: Tensor, moment: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Choose the inputs of a layer to keep, and fit its weights for them.

    Args:
        weight: [outputs, inputs + 1]; the last column is for a constant 1, which is always kept.
        moment: [inputs + 1, inputs + 1] second moments of the inputs.
        count: inputs to keep.

    Returns:
        Indices of the kept inputs [count], and weights [outputs, count + 1].
    """
    inputs = moment.shape[0] - 1
    ridge = _RIDGE * moment.diagonal()[:-1].mean() * torch.eye(inputs + 1, device=moment.device)
    inverse = torch.linalg.inv(moment + ridge.double())
    weight, gone = weight.clone(), torch.zeros(inputs, dtype=torch.bool, device=moment.device)
    for _ in range(inputs - count):
        pivots = inverse.diagonal()[:-1]
        cost = (weight[:, :-1].square().sum(0) / pivots.clamp(min=1e-12)).masked_fill(gone, torch.inf)
        unit = cost.argmin()
        row = inverse[unit] / inverse[unit, unit]
        weight -= weight[:, unit, None] * row
        inverse = inverse - inverse[:, unit, None] * row
        gone[unit] = True
        weight[:, unit] = 0.0
    kept = torch.nonzero(~gone)[:, 0]
    return kept, torch.cat((weight[:, kept], weight[:, -1:]), 1)
