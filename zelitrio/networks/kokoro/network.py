"""Kokoro as one network: symbols to durations, F0, energy and samples.

The parts are those of Kokoro-82M (https://github.com/hexgrad/kokoro, Apache-2.0), which follows StyleTTS 2
and iSTFTNet.  The parameters have the names of its files, except the directions of the LSTMs and the depth
of ALBERT's only layer.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor, nn

from zelitrio.networks.kokoro.albert import Albert
from zelitrio.networks.kokoro.config import KokoroConfig
from zelitrio.networks.kokoro.generator import KEPT_FRAMES, Generator
from zelitrio.networks.kokoro.layers import (
    AdaptiveLayerNorm,
    BothWays,
    ChannelNorm,
    KokoroMoments,
    KokoroSpan,
    StyledBlock,
)
from zelitrio.networks.kokoro.sound import inverse_spectrum
from zelitrio.networks.kokoro.source import HOP, SAMPLES, spectrum


@attrs.frozen(kw_only=True, eq=False)
class KokoroTokens:
    """The encoder's outputs for each token."""

    frames: Tensor  # [batch, tokens], frames at speed 1, not rounded
    prosody_rows: Tensor  # [batch, tokens, hidden + style]
    text_rows: Tensor  # [batch, tokens, hidden]


@attrs.frozen(kw_only=True, eq=False)
class KokoroFrames:
    """The decoder's outputs for each step of 300 samples; a frame has two steps."""

    features: Tensor  # [batch, start_width, steps]
    f0: Tensor  # [batch, steps] hertz, 0 outside a row
    energy: Tensor  # [batch, steps]
    span: KokoroSpan  # of the steps


class TextEncoder(nn.Module):
    """Symbols to the decoder's input vectors."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        width, kernel = config.hidden, config.text_kernel
        self.embedding = nn.Embedding(config.symbols, width)
        self.cnn = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(width, width, kernel, padding=kernel // 2), ChannelNorm(width), nn.LeakyReLU(0.2)
            )
            for _ in range(config.text_layers)
        )
        self.lstm = BothWays(width, width // 2)

    def forward(self, ids: Tensor, span: KokoroSpan) -> Tensor:
        """`ids` [batch, tokens] to [batch, tokens, hidden]."""
        x = span.clear(self.embedding(ids).mT)
        for layer in self.cnn:
            x = span.clear(layer(x))
        return self.lstm(x.mT, span)


class DurationEncoder(nn.Module):
    """Three LSTM layers over contextual vectors, each with the style."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        width = config.hidden
        layers: list[nn.Module] = []
        for _ in range(config.text_layers):
            layers += [BothWays(width + config.style, width // 2), AdaptiveLayerNorm(config.style, width)]
        self.lstms = nn.ModuleList(layers)

    def forward(self, x: Tensor, style: Tensor, span: KokoroSpan) -> Tensor:
        """`x` [batch, tokens, hidden] to [batch, tokens, hidden + style]."""
        spread = style[:, None].expand(-1, x.shape[1], -1)
        x = _clear_rows(torch.cat((x, spread), -1), span)
        for lstm, norm in zip(self.lstms[::2], self.lstms[1::2], strict=True):
            x = _clear_rows(torch.cat((norm(lstm(x, span), style), spread), -1), span)
        return x


class Predictor(nn.Module):
    """Durations, F0 and energy."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        width, style = config.hidden, config.style
        self.text_encoder = DurationEncoder(config)
        self.lstm = BothWays(width + style, width // 2)
        self.duration_proj = nn.Linear(width, config.most_frames)
        self.shared = BothWays(width + style, width // 2)
        self.F0, self.N = (
            nn.ModuleList(
                (
                    StyledBlock(width, width, style),
                    StyledBlock(width, width // 2, style, doubles=True),
                    StyledBlock(width // 2, width // 2, style),
                )
            )
            for _ in range(2)
        )
        self.F0_proj = nn.Conv1d(width // 2, 1, 1)
        self.N_proj = nn.Conv1d(width // 2, 1, 1)

    def durations(self, x: Tensor, span: KokoroSpan) -> Tensor:
        """`x` [batch, tokens, hidden + style] to frames at speed 1 [batch, tokens], 0 outside a row."""
        frames = torch.sigmoid(self.duration_proj(self.lstm(x, span))).sum(-1)
        return frames if span.mask is None else frames * span.mask[:, 0]

    def curves(self, x: Tensor, style: Tensor, span: KokoroSpan) -> tuple[Tensor, Tensor, KokoroSpan]:
        """`x` [batch, frames, hidden + style] to F0 and energy [batch, 2 * frames] and their span."""
        x = self.shared(x, span).mT
        found = []
        steps = span
        for blocks, project in ((self.F0, self.F0_proj), (self.N, self.N_proj)):
            curve, steps = x, span
            for block in blocks:
                curve, steps = block(curve, style, steps, KokoroMoments())
            found.append(steps.clear(project(curve))[:, 0])
        return found[0], found[1], steps


class Decoder(nn.Module):
    """Text vectors, F0 and energy of each frame to the generator's features."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        width, style = config.decoder_width, config.style
        joined = width + config.residual + 2
        self.encode = StyledBlock(config.hidden + 2, width, style)
        self.decode = nn.ModuleList(
            (
                *(StyledBlock(joined, width, style) for _ in range(3)),
                StyledBlock(joined, config.start_width, style, doubles=True),
            )
        )
        self.F0_conv = nn.Conv1d(1, 1, 3, 2, padding=1)
        self.N_conv = nn.Conv1d(1, 1, 3, 2, padding=1)
        self.asr_res = nn.Conv1d(config.hidden, config.residual, 1)
        self.generator = Generator(config)

    def forward(self, text: Tensor, f0: Tensor, energy: Tensor, style: Tensor, span: KokoroSpan) -> Tensor:
        """`text` [batch, hidden, frames], curves [batch, 2 * frames], to [batch, start_width, 2 * frames]."""
        curves = span.clear(torch.cat((self.F0_conv(f0[:, None]), self.N_conv(energy[:, None])), 1))
        residual = span.clear(self.asr_res(text))
        x, _ = self.encode(torch.cat((text, curves), 1), style, span, KokoroMoments())
        for block in self.decode:
            x, _ = block(torch.cat((x, residual, curves), 1), style, span, KokoroMoments())
        return x


class Kokoro(nn.Module):
    """The whole network.  A style vector has the decoder's half first, then the predictor's half."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        self.config = config
        self.bert = Albert(config)
        self.bert_encoder = nn.Linear(config.attention_width, config.hidden)
        self.text_encoder = TextEncoder(config)
        self.predictor = Predictor(config)
        self.decoder = Decoder(config)

    def encode(self, ids: Tensor, style: Tensor, span: KokoroSpan) -> KokoroTokens:
        """Read symbols: `ids` [batch, tokens] with a zero at each end, `style` [batch, 2 * style]."""
        predicting = style[:, self.config.style :]
        hidden = self.bert_encoder(self.bert(ids, span))
        rows = self.predictor.text_encoder(hidden, predicting, span)
        return KokoroTokens(
            frames=self.predictor.durations(rows, span),
            prosody_rows=rows,
            text_rows=self.text_encoder(ids, span),
        )

    def decode(
        self,
        prosody_rows: Tensor,
        text_rows: Tensor,
        style: Tensor,
        span: KokoroSpan,
        company: int = 1,
    ) -> KokoroFrames:
        """Compute features from token vectors that were repeated by their durations.

        Args:
            prosody_rows: [batch, frames, hidden + style].
            text_rows: [batch, frames, hidden].
            style: [batch, 2 * style].
            span: of the frames.
            company: least number of rows for F0 and energy; smaller batches are padded.  In matrix products
                of one shape a row's result does not depend on the others, so F0 rounds equally.
        """
        sounding, predicting = style.split(self.config.style, 1)
        count = len(style)
        of = torch.arange(max(company, count), device=style.device).clamp(max=count - 1)
        cleared = _clear_rows(prosody_rows, span)
        f0, energy, steps = self.predictor.curves(cleared[of], predicting[of], span.chosen(of))
        f0, energy, steps = f0[:count], energy[:count], steps.chosen(of[:count])
        features = self.decoder(span.clear(text_rows.mT), f0, energy, sounding, span)
        return KokoroFrames(features=features, f0=f0, energy=energy, span=steps)

    def source(self, f0: Tensor, span: KokoroSpan) -> Tensor:
        """The source's spectrum of whole rows: `f0` [batch, steps] to [batch, 22, 60 * steps + 1]."""
        return spectrum(self.decoder.generator.m_source(f0), span.lengths * SAMPLES)

    def sound(
        self,
        features: Tensor,
        source: Tensor,
        style: Tensor,
        span: KokoroSpan,
        moments: KokoroMoments | None = None,
        context: tuple[int, int] = (0, 0),
    ) -> Tensor:
        """Compute the samples of rows, [batch, steps * 300], without those of the context.

        Args:
            features: [batch, start_width, steps].
            source: [batch, 22, 60 * steps + 1].
            style: [batch, 2 * style].
            span: of the steps.
            moments: the generator's statistics; None: those of the rows.
            context: steps at the start and the end of full rows that are input only.
        """
        magnitude, phase = self.decoder.generator(
            features, source, style[:, : self.config.style], span, moments or KokoroMoments(), context
        )
        frames = span.lengths * (SAMPLES // HOP) + 1
        left, right = (min(steps * (SAMPLES // HOP), KEPT_FRAMES) for steps in context)
        if any(context):
            frames = torch.full_like(frames, magnitude.shape[-1])
        samples = inverse_spectrum(magnitude, phase, frames)
        samples = samples[:, left * HOP : samples.shape[1] - right * HOP]
        return span.scaled(SAMPLES).clear(samples[:, None])[:, 0]


def _clear_rows(x: Tensor, span: KokoroSpan) -> Tensor:
    """`x` [batch, time, channels] with zeros outside the rows."""
    return x if span.mask is None else x * span.mask.mT
