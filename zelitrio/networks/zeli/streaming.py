"""A ConvNeXt block that runs over a whole utterance or window by window, with equal results.

Every convolution sees `lookahead` frames of the future; the rest of its kernel sees the past.  For a whole
utterance, the input is padded with zeros on both sides.  In windows, each block keeps the last `kernel - 1`
inputs as its state.  So its output comes `lookahead` frames later than its input, and no frame is computed
twice.  These lags add up over a network: after an utterance's last input, `lag` more frames, with any
content, push the last outputs out.

In a whole utterance every layer sees zeros outside of the utterance.  So in windows a layer's results before
the first and after the last frame are masked to zero.  This also makes padding harmless, and rows of
different lengths can share a batch.  Most windows are inside their utterance at every depth and need no mask
on a CPU.

The block is ConvNeXt (arXiv 2201.03545) in one dimension, channels last.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn


@attrs.frozen
class StatePart:
    """One tensor of a stream's state: its shape without the row, and its initial value."""

    shape: tuple[int, ...]
    value: float = 0.0

    def fresh(self, rows: int, device: torch.device | str) -> Tensor:
        """The initial tensor, [rows, *shape]."""
        return torch.full((rows, *self.shape), self.value, device=device)


class StreamingBlock(nn.Module):
    """x + scale * mlp(norm(depthwise(x))), with an explicit state.

    Args:
        channels: width of the residual stream.
        kernel: frames that the depthwise convolution sees.
        lookahead: how many of them are in the future.
        inner: width of the inner layer; 0: three times `channels`.
    """

    def __init__(self, channels: int, kernel: int, lookahead: int, inner: int = 0) -> None:
        super().__init__()
        if not 0 <= lookahead < kernel:
            raise ValueError(f"lookahead: expected 0 to {kernel - 1}, found {lookahead}")
        self.kernel, self.lookahead = kernel, lookahead
        bound = kernel**-0.5
        self.depthwise = nn.Parameter(torch.empty(kernel, channels).uniform_(-bound, bound))
        self.depthwise_bias = nn.Parameter(torch.zeros(channels))
        self.norm = nn.LayerNorm(channels)
        self.expand = nn.Linear(channels, inner or 3 * channels)
        self.contract = nn.Linear(inner or 3 * channels, channels)
        self.scale: nn.Parameter | None = nn.Parameter(torch.full((channels,), 0.1))
        """None after `fold`, which moves it into `contract`."""

    @torch.no_grad()
    def fold(self) -> None:
        """Fold `scale` into `contract`, for inference only."""
        if self.scale is not None:
            self.contract.weight.mul_(self.scale[:, None])
            self.contract.bias.mul_(self.scale)
            self.scale = None

    def whole(self, x: Tensor, mask: Tensor) -> Tensor:
        """Run over whole utterances.

        Args:
            x: [batch, frames, channels], zero where masked.
            mask: [batch, frames, 1], 1 inside of the utterance, 0 outside.

        Returns:
            [batch, frames, channels], zero where masked.
        """
        behind = self.kernel - 1 - self.lookahead
        padded = F.pad(x, (0, 0, behind, self.lookahead))
        if torch.is_inference_mode_enabled() and x.device.type != "cpu":
            # On a GPU conv2d may use cuDNN with TF32, which would change durations.
            return self._added(x, self._by_taps(padded, x.shape[1])) * mask
        weight = self.depthwise.t()[:, None, None]  # [channels, 1, 1, kernel]
        # As a 2-d convolution of height one: on a CPU twice as fast as conv1d with groups.
        y = F.conv2d(padded.transpose(1, 2).unsqueeze(2), weight, self.depthwise_bias, groups=x.shape[-1])
        return self._added(x, y.squeeze(2).transpose(1, 2)) * mask

    def step(self, x: Tensor, state: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Run over the next window.

        Args:
            x: [batch, window, channels], the next inputs.
            state: [batch, kernel - 1, channels], the inputs before them; zeros at the start.
            mask: [batch, window, 1], by the times of the *outputs*, which lag by `lookahead`; None for ones.

        Returns:
            The outputs [batch, window, channels] and the next state.
        """
        window = x.shape[1]
        seen = torch.cat((state, x), 1)  # [batch, kernel - 1 + window, channels]
        # For a short window this is several times faster than a grouped convolution.
        y = self._by_taps(seen, window)
        behind = self.kernel - 1 - self.lookahead
        centre = seen[:, behind : behind + window]
        return masked(self._added(centre, y), mask), seen[:, window:]

    def _by_taps(self, seen: Tensor, window: int) -> Tensor:
        """The convolution as sums: [batch, kernel - 1 + window, channels] to [batch, window, channels]."""
        first, *others = self.depthwise.unbind(0)
        y = torch.addcmul(self.depthwise_bias, seen.narrow(1, 0, window), first)
        for tap, weight in enumerate(others, start=1):
            y.addcmul_(seen.narrow(1, tap, window), weight)
        return y

    def _added(self, x: Tensor, y: Tensor) -> Tensor:
        """x + scale * mlp(norm(y))."""
        wide = self.expand(self.norm(y))
        if self.scale is not None:
            return x + self.contract(F.gelu(wide)) * self.scale
        # In place where possible, because most of the time is spent on new memory.
        torch.ops.aten.gelu_(wide)
        added = x + self.contract.bias
        added.view(-1, x.shape[-1]).addmm_(wide.flatten(0, 1), self.contract.weight.t())
        return added


class StreamingBlocks(nn.ModuleList):
    """A stack of blocks of one shape."""

    def __init__(self, blocks: int, channels: int, kernel: int, lookahead: int, inner: int = 0) -> None:
        super().__init__(StreamingBlock(channels, kernel, lookahead, inner) for _ in range(blocks))

    def __iter__(self) -> Iterator[StreamingBlock]:
        return super().__iter__()  # type: ignore[return-value]  # nn.ModuleList knows only Module


class StreamingStem(nn.Module):
    """A full convolution from features to channels, with the same two ways to run."""

    def __init__(self, features: int, channels: int, kernel: int, lookahead: int) -> None:
        super().__init__()
        self.kernel, self.lookahead = kernel, lookahead
        self.project = nn.Linear(kernel * features, channels)

    def whole(self, x: Tensor, mask: Tensor) -> Tensor:
        """[batch, frames, features] to [batch, frames, channels]; see `StreamingBlock.whole`."""
        behind = self.kernel - 1 - self.lookahead
        return self._windows(F.pad(x, (0, 0, behind, self.lookahead)), x.shape[1]) * mask

    def step(self, x: Tensor, state: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """The next window and the state after it; see `StreamingBlock.step`."""
        window = x.shape[1]
        seen = torch.cat((state, x), 1)
        return masked(self._windows(seen, window), mask), seen[:, window:]

    def _windows(self, seen: Tensor, window: int) -> Tensor:
        taps = torch.cat([seen[:, tap : tap + window] for tap in range(self.kernel)], -1)
        return self.project(taps)


class FrameMasks:
    """Masks for a window at any depth of a network: 1 for frames inside the utterance.

    Args:
        first: [batch], time of the window's first input frame.
        window: frames in the window.
        length: [batch], frames in the utterance.
        lag: the largest argument of `lagging`.
        dtype: number format of the masks.
    """

    def __init__(self, first: Tensor, window: int, length: Tensor, lag: int, dtype: torch.dtype) -> None:
        times = first[:, None] + torch.arange(-lag, window, device=first.device)
        self._mask = ((times >= 0) & (times < length[:, None])).unsqueeze(-1).to(dtype)
        self._window, self._lag = window, lag
        self._lags_inside = range(0)
        """Lags at which every frame is inside."""
        if is_readable(first):
            self._lags_inside = range(int((first - length).max()) + window, int(first.min()) + 1)

    def repeated(self, parts: int) -> FrameMasks:
        """The same, with a mask and a lag for every part of a frame."""
        made = copy.copy(self)
        made._mask = self._mask.expand(-1, -1, parts).flatten(1).unsqueeze(-1)
        made._window, made._lag = parts * self._window, parts * self._lag
        inside = self._lags_inside
        made._lags_inside = range(parts * inside.start, parts * (inside.stop - 1) + 1)
        return made

    def lagging(self, lag: int) -> Tensor | None:
        """The mask of outputs that come `lag` frames later than the inputs.

        Returns:
            [batch, window, 1], 1 inside and 0 outside, or None if all are inside.
        """
        if lag in self._lags_inside:
            return None
        return self._mask[:, self._lag - lag : self._lag - lag + self._window]


def is_readable(x: Tensor) -> bool:
    """Whether the host may read values: on a GPU it would wait, which a graph cannot capture."""
    return x.device.type == "cpu" and torch.is_inference_mode_enabled()


def masked(x: Tensor, mask: Tensor | None) -> Tensor:
    """Set values outside the mask to zero; `x` may be changed in place."""
    return x if mask is None else x.mul_(mask)


def frame_mask(length: Tensor, frames: int) -> Tensor:
    """Masks of whole utterances.

    Args:
        length: [batch], frames in each.
        frames: the longest.

    Returns:
        [batch, frames, 1] float, 1 inside and 0 outside.
    """
    times = torch.arange(frames, device=length.device)
    return (times < length[:, None]).unsqueeze(-1).float()
