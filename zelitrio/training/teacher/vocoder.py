"""Train the vocoder on the teacher's speech: against recordings from the start, against critics soon after.

Everything lies on the device: speech, features and the drawing of crops.  On a GPU a step of both sides is
one CUDA graph, because launching its thousands of kernels one by one takes longer than running them.
The run is bounded by time, not by steps: schedules follow the share of the time that has passed.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import numpy as np
import orjson
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from zelitrio.networks import normalise_mel
from zelitrio.networks.fine_vocoder import FineVocoder, FineVocoderConfig
from zelitrio.training.discriminators import critic_loss, maker_losses, sound_critics
from zelitrio.training.features import HOP_SAMPLES, MELS, mel_filters
from zelitrio.training.teacher.store import chunks_with, load, speech_path

_PHASE_FLOOR = 0.02
"""Amplitude of an STFT bin below which nothing is heard."""
GUIDED = "guided.npy"
"""Mel frames as the acoustic model predicts them, in the order of `speech_frames`."""


@attrs.frozen(kw_only=True)
class VocoderPlan:
    """How long and how hard."""

    seconds: float
    batch: int = 32
    judged: int = 64
    """Frames of a crop that losses see."""
    left: int = 18
    right: int = 12
    """Frames beside them that are the network's context."""
    learning_rate: float = 1e-3
    critic_learning_rate: float = 4e-4
    critic_channels: int = 16
    alone_share: float = 0.12
    """Share of the time without critics."""
    guided_share: float = 0.5
    most_frames: int = 3_000_000
    save_s: float = 45.0
    use_graph: bool = True
    bfloat16: bool = True


class Speech:
    """All speech so far, flat on the device; it grows while training goes on."""

    def __init__(self, folder: Path, most_frames: int, device: torch.device) -> None:
        self._folder, self._known = folder, 0
        self._chunks: set[int] = set()
        self.pcm = torch.zeros(most_frames * HOP_SAMPLES, dtype=torch.int16, device=device)
        self.mel = torch.zeros(most_frames, MELS, dtype=torch.float16, device=device)
        self.guided = torch.zeros(most_frames, MELS, dtype=torch.float16, device=device)
        self.ln_f0, self.turns = (torch.zeros(most_frames, device=device) for _ in range(2))
        self.voiced, self.inside = (
            torch.zeros(most_frames, dtype=torch.uint8, device=device) for _ in range(2)
        )
        self.frames = torch.zeros((), dtype=torch.int64, device=device)
        self.guided_share = torch.zeros((), device=device)
        self.held: list[tuple[int, dict[str, Tensor]]] = []
        """Held-out utterances: voice and arrays."""
        self.offsets: dict[tuple[int, int], int] = {}
        """First frame of each training utterance by chunk and number."""

    @property
    def known(self) -> int:
        """Frames to train on."""
        return self._known

    def refresh(self) -> int:
        """Take in the chunks that have become whole; how many there were."""
        fresh = [chunk for chunk in chunks_with(self._folder, "speech") if chunk not in self._chunks]
        for chunk in fresh:
            self._chunks.add(chunk)
            arrays = load(speech_path(self._folder, chunk))
            ends = np.cumsum(arrays["frames"])
            for number, (end, frames) in enumerate(
                zip(ends.tolist(), arrays["frames"].tolist(), strict=True)
            ):
                self._take(chunk, number, arrays, end - frames, end)
        self.frames.fill_(self._known)
        return len(fresh)

    def _take(self, chunk: int, number: int, arrays: Mapping[str, np.ndarray], begin: int, end: int) -> None:
        parts = {
            name: torch.from_numpy(arrays[name][begin:end])
            for name in ("mel", "ln_f0", "turns", "voiced", "inside")
        }
        parts["pcm"] = torch.from_numpy(arrays["pcm"][begin * HOP_SAMPLES : end * HOP_SAMPLES])
        if arrays["held_out"][number]:
            self.held.append((int(arrays["voice"][number]), parts))
            return
        to = self._known + end - begin
        if to > len(self.mel):
            return
        rows = slice(self._known, to)
        for name in ("mel", "ln_f0", "turns", "voiced", "inside"):
            getattr(self, name)[rows] = parts[name].to(self.mel.device)
        self.guided[rows] = self.mel[rows]
        self.pcm[rows.start * HOP_SAMPLES : rows.stop * HOP_SAMPLES] = parts["pcm"].to(self.mel.device)
        self.offsets[chunk, number] = self._known
        self._known = to

    def take_guided(self, path: Path) -> bool:
        """Read predicted frames if they are there: an .npz of `mel` rows and the `at` they belong to."""
        if not path.is_file():
            return False
        arrays = load(path)
        begin = 0
        for chunk, number, first, length in arrays["where"].tolist():
            at = self.offsets.get((chunk, number))
            if at is not None:
                rows = torch.from_numpy(arrays["mel"][begin : begin + length]).to(self.mel.device)
                self.guided[at + first : at + first + length] = rows
            begin += length
        return True

    def crops(self, batch: int, frames: int) -> dict[str, Tensor]:
        """Random crops; some are masked outside of their speech, as serving masks."""
        device = self.mel.device
        start = (torch.rand(batch, device=device, dtype=torch.float64) * (self.frames - frames)).long()
        at = start[:, None] + torch.arange(frames, device=device)
        sample = (at * HOP_SAMPLES)[..., None] + torch.arange(HOP_SAMPLES, device=device)
        pcm = self.pcm[sample.flatten(1)].float() / 32768.0
        is_guided = torch.rand(batch, 1, 1, device=device) < self.guided_share
        mel = torch.where(is_guided, self.guided[at], self.mel[at]).float()
        # Loudness varied a little, in sound and features alike, so that level is not learnt as timbre.
        gain = torch.exp(torch.rand(batch, device=device) * 0.8 - 0.6)
        mel = (mel + torch.log(gain)[:, None, None]).clamp(min=math.log(1e-4))
        is_masked = torch.rand(batch, 1, device=device) < 0.25
        mask = torch.where(is_masked, self.inside[at].float(), 1.0)
        return {
            "mel": normalise_mel(mel),
            "ln_f0": self.ln_f0[at],
            "turns": self.turns[at],
            "voiced": self.voiced[at].float(),
            "mask": mask.unsqueeze(-1),
            "pcm": pcm * gain[:, None] * mask[..., None].expand(-1, -1, HOP_SAMPLES).flatten(1),
            "noise_at": torch.randint(0, 1024, (batch,), device=device),
        }


class Distances(nn.Module):
    """How far made sound is from recorded sound, at many resolutions."""

    SIZES = (2048, 1024, 512, 256, 128)
    PHASE_SIZES = (1024, 512, 256)
    _PHASE_TOP_HZ = 5_000.0

    def __init__(self) -> None:
        super().__init__()
        for size in self.SIZES:
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)
            if size >= 512:
                self.register_buffer(
                    f"filters_{size}", mel_filters(size, 80 if size > 512 else 40), persistent=False
                )
        self.register_buffer("filters", mel_filters(), persistent=False)
        self.register_buffer("window", torch.hann_window(960), persistent=False)

    def forward(self, made: Tensor, natural: Tensor) -> dict[str, Tensor]:
        """Spectral, mel and phase distances of [batch, samples]."""
        spectral, mel, phase = [], [], []
        for size in self.SIZES:
            window = self.get_buffer(f"window_{size}")
            mine, theirs = (
                torch.stft(pcm, size, size // 4, window=window, center=False, return_complex=True)
                for pcm in (made, natural)
            )
            here, there = (torch.sqrt(x.real**2 + x.imag**2 + 1e-9) for x in (mine, theirs))
            logs = (torch.log(here + 1e-3) - torch.log(there + 1e-3)).abs().mean()
            convergence = (here - there).flatten(1).norm(dim=1) / (there.flatten(1).norm(dim=1) + 0.1)
            spectral.append(logs + convergence.mean())
            if size >= 512:
                filters = self.get_buffer(f"filters_{size}")
                mel.append((_ln(filters @ here) - _ln(filters @ there)).abs().mean())
            if size in self.PHASE_SIZES:
                phase.append(
                    _phase_distance(mine, theirs, here, there, round(self._PHASE_TOP_HZ * size / 24_000))
                )
        half = 480
        here, there = (
            torch.stft(
                nn.functional.pad(pcm, (half, half)),
                960,
                HOP_SAMPLES,
                window=self.window,
                center=False,
                return_complex=True,
            )
            for pcm in (made, natural)
        )
        mel.append(
            (
                _ln(self.filters @ torch.sqrt(here.real**2 + here.imag**2 + 1e-9))
                - _ln(self.filters @ there.abs())
            )
            .abs()
            .mean()
        )
        return {
            "stft": torch.stack(spectral).mean(),
            "mel": torch.stack(mel).mean(),
            "phase": torch.stack(phase).mean(),
        }


def _ln(mel: Tensor) -> Tensor:
    return torch.log(mel.clamp(min=1e-4))


def _phase_distance(mine: Tensor, theirs: Tensor, here: Tensor, there: Tensor, top: int) -> Tensor:
    """How far phases below a bin are from the recorded ones: 0 if equal, 1 if they are chance.

    Amplitudes made have no part in it: a phase that cannot be known must not make the sound softer.
    """
    low = slice(1, top)
    a, b, wanted = mine[:, low], theirs[:, low], there[:, low]
    cosine = (a.real * b.real + a.imag * b.imag) / ((here[:, low] + 1e-3) * wanted.clamp(min=_PHASE_FLOOR))
    weight = (wanted - _PHASE_FLOOR).clamp(min=0.0).sqrt()
    return (weight * (1.0 - cosine)).sum() / weight.sum().clamp(min=1.0)


@attrs.define(eq=False)
class Trainer:
    """Both sides of the training and one step of it."""

    plan: VocoderPlan
    speech: Speech
    network: FineVocoder
    averaged: FineVocoder
    critics: nn.ModuleList
    distances: Distances
    optimiser: torch.optim.Optimizer
    critic_optimiser: torch.optim.Optimizer
    rate: Tensor
    critic_rate: Tensor
    decay: Tensor
    losses: Tensor
    NAMES = ("stft", "mel", "phase", "critic", "fooled", "matched", "norm")

    @classmethod
    def start(
        cls, plan: VocoderPlan, config: FineVocoderConfig, speech: Speech, device: torch.device
    ) -> Trainer:
        """Fresh networks."""
        torch.manual_seed(1)
        network = FineVocoder(config).to(device)
        critics = sound_critics(plan.critic_channels).to(device)
        rate, critic_rate = (
            torch.tensor(plan.learning_rate, device=device),
            torch.tensor(plan.critic_learning_rate, device=device),
        )
        cuda = device.type == "cuda"
        options = {"betas": (0.8, 0.99), "weight_decay": 0.01, "fused": cuda, "capturable": cuda}
        return cls(
            plan,
            speech,
            network,
            copy.deepcopy(network).requires_grad_(False),
            critics,
            Distances().to(device),
            torch.optim.AdamW(network.parameters(), lr=rate if cuda else plan.learning_rate, **options),
            torch.optim.AdamW(
                critics.parameters(), lr=critic_rate if cuda else plan.critic_learning_rate, **options
            ),
            rate,
            critic_rate,
            torch.tensor(0.9, device=device),
            torch.zeros(len(cls.NAMES), device=device),
        )

    def step(self, *, against_critics: bool) -> None:
        """One step; losses are left in `losses`.  Waits for nothing and has fixed shapes."""
        plan, device = self.plan, self.rate.device
        batch = self.speech.crops(plan.batch, plan.left + plan.judged + plan.right)
        with torch.autocast(device.type, torch.bfloat16, enabled=plan.bfloat16, cache_enabled=False):
            made = self.network(
                batch["mel"],
                batch["ln_f0"],
                batch["voiced"],
                batch["mask"],
                batch["noise_at"],
                batch["turns"],
            )
        piece = slice(plan.left * HOP_SAMPLES, (plan.left + plan.judged) * HOP_SAMPLES)
        made, natural = made.float()[:, piece], batch["pcm"][:, piece]
        distances = self.distances(made, natural)
        zero = self.losses.new_zeros(())
        loss, fooled, matched = zero, zero, zero
        if against_critics:
            loss, fooled, matched = self._judge(made, natural)
            total = (
                0.6 * distances["stft"] + 3.0 * distances["mel"] + distances["phase"] + fooled + 2.0 * matched
            )
        else:
            total = distances["stft"] + 2.0 * distances["mel"] + 2.0 * distances["phase"]
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0, foreach=True)
        self.optimiser.step()
        means, now = list(self.averaged.parameters()), [part.detach() for part in self.network.parameters()]
        with torch.no_grad():
            torch._foreach_mul_(means, self.decay)
            torch._foreach_add_(means, torch._foreach_mul(now, 1.0 - self.decay))
        values = (*distances.values(), loss, fooled, matched, norm)
        self.losses.copy_(torch.stack([value.detach().float() for value in values]))

    def _judge(self, made: Tensor, natural: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        half = torch.autocast(
            made.device.type, torch.bfloat16, enabled=self.plan.bfloat16, cache_enabled=False
        )
        both = torch.cat((natural, made.detach()))
        with nn.utils.parametrize.cached(), half:
            judged = [critic(both) for critic in self.critics]
            wanted = [[features[: len(natural)] for features in one] for one in judged]
            loss = critic_loss(wanted, [[features[len(natural) :] for features in one] for one in judged])
        self.critic_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimiser.step()
        self.critics.requires_grad_(False)
        with nn.utils.parametrize.cached(), half:
            fooled, matched = maker_losses(
                [[features.detach() for features in one] for one in wanted],
                [critic(made) for critic in self.critics],
            )
        self.critics.requires_grad_(True)
        return loss, fooled, matched

    def at(self, share: float, step: int) -> None:
        """Set rates for a share of the time that has passed."""
        warm = min(1.0, (step + 1) / 100)
        fall = max(0.02, 1.0 - share) ** 0.8
        calm = 1.0 if share < self.plan.alone_share else 0.5
        self.rate.fill_(self.plan.learning_rate * warm * fall * calm)
        self.critic_rate.fill_(self.plan.critic_learning_rate * fall)
        self.decay.fill_(min(0.999, (1 + step) / (10 + step)))
        if self.rate.device.type != "cuda":
            for optimiser, rate in ((self.optimiser, self.rate), (self.critic_optimiser, self.critic_rate)):
                for group in optimiser.param_groups:
                    group["lr"] = float(rate)

    @torch.no_grad()
    def validate(self, most: int = 32) -> dict[str, float]:
        """Distances of the averaged network on held-out utterances."""
        sums: dict[str, float] = {}
        device = self.rate.device
        held = self.speech.held[:most]
        for _, parts in held:
            mel = normalise_mel(parts["mel"].float())[None].to(device)
            made = self.averaged(
                mel,
                parts["ln_f0"][None].to(device),
                parts["voiced"].float()[None].to(device),
                torch.ones(1, mel.shape[1], 1, device=device),
                torch.zeros(1, dtype=torch.int64, device=device),
                parts["turns"][None].to(device),
            )
            natural = parts["pcm"].float()[None].to(device) / 32768.0
            for name, value in self.distances(made.float(), natural).items():
                sums[f"val_{name}"] = sums.get(f"val_{name}", 0.0) + float(value) / len(held)
        return sums


def capture(step: Callable[[], None], warm: int = 4) -> Callable[[], None]:
    """A step as a CUDA graph; the first few run eagerly on a side stream."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(warm):
            step()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def train(
    folder: Path,
    out: Path,
    plan: VocoderPlan,
    *,
    config: FineVocoderConfig | None = None,
    device: str = "cuda",
    name: str = "vocoder",
    least_frames: int = 60_000,
    deadline: float | None = None,
) -> int:
    """Train until the time is over; weights, losses and the state of both sides are left in `out`.

    Args:
        folder: of the speech store, which may still be growing.
        out: where weights and the log go.
        plan: how hard.
        config: sizes of the network.
        device: of torch.
        name: of the files.
        least_frames: how much speech must be there before the first step.
        deadline: monotonic time at which it ends, instead of `plan.seconds` after the first step.
    """
    where = torch.device(device)
    speech = Speech(folder, plan.most_frames, where)
    trainer = Trainer.start(plan, config or FineVocoderConfig(), speech, where)
    log = (out / f"{name}.jsonl").open("ab")

    def note(**row: object) -> None:
        log.write(orjson.dumps({**row, "at": round(time.time(), 1)}) + b"\n")
        log.flush()

    while speech.known < least_frames:
        speech.refresh()
        time.sleep(0.5)
    began = time.monotonic()
    ends = deadline or began + plan.seconds
    note(event="begin", frames=speech.known, weights=sum(p.numel() for p in trainer.network.parameters()))
    alone: Callable[[], None] = lambda: trainer.step(against_critics=False)  # noqa: E731
    against: Callable[[], None] = lambda: trainer.step(against_critics=True)  # noqa: E731
    run, is_against, step, saved, refreshed, has_guided = alone, False, 0, began, began, False
    trainer.at(0.0, 0)
    if plan.use_graph and where.type == "cuda":
        run = captured(alone, note)
    noted = (time.monotonic(), 0)
    while (now := time.monotonic()) < ends:
        share = (now - began) / (ends - began)
        if not is_against and share >= plan.alone_share and plan.critic_channels:
            is_against, run = True, against
            if plan.use_graph and where.type == "cuda":
                run = captured(against, note)
        trainer.at(share, step)
        run()
        step += 1
        if step % 100 == 0 or where.type == "cpu" and step % 20 == 0:
            values = dict(zip(Trainer.NAMES, trainer.losses.tolist(), strict=True))
            spent = (time.monotonic() - noted[0]) / (step - noted[1])
            noted = (time.monotonic(), step)
            note(
                step=step,
                share=round(share, 3),
                step_ms=round(spent * 1000, 2),
                frames=speech.known,
                **values,
            )
            if not math.isfinite(values["mel"]):
                note(event="not finite: taken back")
                trainer.network.load_state_dict(trainer.averaged.state_dict())
        if now - refreshed > 10.0:
            refreshed = now
            speech.refresh()
            if not has_guided and speech.take_guided(folder / GUIDED):
                has_guided = True
                speech.guided_share.fill_(plan.guided_share)
                note(event="guided")
        if now - saved > plan.save_s:
            saved = now
            _save(out, name, trainer, step, note)
    _save(out, name, trainer, step, note)
    note(event="end", step=step)
    if plan.critic_channels:
        halves = {key: value.half().contiguous() for key, value in trainer.critics.state_dict().items()}
        save_file(halves, out / f"{name}_critics.safetensors")
    return step


def captured(step: Callable[[], None], note: Callable[..., None]) -> Callable[[], None]:
    """A step as a CUDA graph if it can be captured, otherwise as it is."""
    try:
        began = time.monotonic()
        graph = capture(step)
        note(event="captured", seconds=round(time.monotonic() - began, 1))
        return graph
    except Exception as error:  # noqa: BLE001  # a slower step is better than none
        note(event="not captured", error=repr(error)[:500])
        torch.cuda.synchronize()
        return step


def _save(out: Path, name: str, trainer: Trainer, step: int, note: Callable[..., None]) -> None:
    weights = {
        key: value.detach().half().contiguous() for key, value in trainer.averaged.state_dict().items()
    }
    partial = out / f"{name}.partial"
    save_file(
        weights,
        partial,
        {"config": orjson.dumps(attrs.asdict(trainer.network.config)).decode(), "step": str(step)},
    )
    partial.replace(out / f"{name}.safetensors")
    note(event="saved", step=step, **{key: round(value, 4) for key, value in trainer.validate().items()})
