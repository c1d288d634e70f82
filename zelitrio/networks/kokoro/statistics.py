"""Statistics of the generator that are known before the audio: means of each class of steps.

The generator normalises over the whole utterance 48 times, so no audio can be made before all features are
known.  With given statistics it is a plain network with a short context, and can speak in windows.

The statistics of an utterance depend on its content.  So they are kept for classes of steps, by energy and
voicing, and mixed by the utterance's shares of them.  With one set for all, short texts are 2 to 6 dB too
soft.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from zelitrio.networks.kokoro.layers import EPSILON, KokoroMoments, KokoroSpan
from zelitrio.networks.kokoro.network import Kokoro
from zelitrio.networks.kokoro.source import VOICED_HZ

_EDGES = (-6.0, -3.0, -1.0, 1.0, 3.0, 5.0, 6.5)
"""Borders between the classes of energy."""
CLASSES = 2 * (len(_EDGES) + 1)


def classes_of(f0: Tensor, energy: Tensor) -> Tensor:
    """The class of each step: `f0` and `energy` [..., steps]."""
    edges = torch.tensor(_EDGES, device=energy.device)
    return torch.bucketize(energy, edges) + (len(_EDGES) + 1) * (f0 > VOICED_HZ).long()


@attrs.define(eq=False)
class ClassMoments(KokoroMoments):
    """Normalises with each layer's own statistics, and collects sums by class."""

    classes: Tensor = attrs.field(factory=lambda: torch.zeros(0, dtype=torch.long))
    """[steps] of one row."""
    sums: list[tuple[Tensor, Tensor, Tensor]] = attrs.field(factory=list)
    """For each layer: sum and sum of squares [classes, channels], and steps [classes]."""

    def of(self, x: Tensor, span: KokoroSpan) -> tuple[Tensor, Tensor]:
        """See `KokoroMoments.of`."""
        rate = x.shape[-1] // len(self.classes)
        labels = self.classes.repeat_interleave(rate)
        labels = torch.cat((labels[: x.shape[-1] - len(labels)], labels))
        rows = x[0].float().T  # [time, channels]
        zeros = torch.zeros(CLASSES, rows.shape[1])
        count = torch.zeros(CLASSES).index_add(0, labels, torch.ones(len(labels)))
        self.sums.append((zeros.index_add(0, labels, rows), zeros.index_add(0, labels, rows.square()), count))
        return super().of(x, span)


@attrs.frozen(kw_only=True, eq=False)
class VoiceStatistics:
    """Statistics of a voice's steps of each class, for every normalised layer of the generator."""

    means: Tensor  # [classes, channels of all layers one after another]
    squares: Tensor  # the same, of the squares
    widths: tuple[int, ...]  # channels of each layer

    def mixed(self, f0: Tensor, energy: Tensor) -> KokoroMoments:
        """The statistics of an utterance of one row: `f0` and `energy` [steps]."""
        labels = classes_of(f0, energy)
        shares = torch.bincount(labels, minlength=CLASSES).float() / len(labels)
        mean = shares @ self.means
        variance = (shares @ self.squares - mean.square()).clamp(min=0)
        scale = torch.rsqrt(variance + EPSILON)
        parts = zip(mean.split(self.widths), scale.split(self.widths), strict=True)
        return KokoroMoments(given=tuple((a[None, :, None], b[None, :, None]) for a, b in parts))


@torch.inference_mode()
def gather_statistics(network: Kokoro, style: Tensor, texts: list[list[int]]) -> VoiceStatistics:
    """Measure a voice: speak some texts and collect every layer's sums.

    Args:
        network: on the CPU.
        style: [510, 2 * style], the voice's table.
        texts: symbols of each, without the zeros at the ends.
    """
    totals: list[list[Tensor]] = []
    for text in texts:
        ids = torch.tensor([[0, *text, 0]])
        row = style[len(text) - 1 : len(text)]
        tokens = network.encode(
            ids, row, KokoroSpan.of(torch.tensor([ids.shape[1]]), ids.shape[1], is_full=True)
        )
        frames = tokens.frames[0].round().clamp(min=1).long()
        at = torch.arange(ids.shape[1]).repeat_interleave(frames)
        span = KokoroSpan.of(torch.tensor([len(at)]), len(at), is_full=True)
        heard = network.decode(tokens.prosody_rows[:, at], tokens.text_rows[:, at], row, span)
        moments = ClassMoments(classes=classes_of(heard.f0[0], heard.energy[0]))
        network.sound(heard.features, network.source(heard.f0, heard.span), row, heard.span, moments)
        parts = [list(layer) for layer in moments.sums]
        totals = (
            [[a + b for a, b in zip(old, new, strict=True)] for old, new in zip(totals, parts, strict=True)]
            if totals
            else parts
        )
    means, squares = [], []
    for total, square, count in totals:
        # A class that never occurred gets the statistics of all steps.
        overall = count.sum()
        seen = (count > 0)[:, None]
        steps = count.clamp(min=1)[:, None]
        means.append(torch.where(seen, total / steps, total.sum(0) / overall))
        squares.append(torch.where(seen, square / steps, square.sum(0) / overall))
    return VoiceStatistics(
        means=torch.cat(means, 1), squares=torch.cat(squares, 1), widths=tuple(m.shape[1] for m in means)
    )
