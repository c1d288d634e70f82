"""Uses four voices of Kokoro as the teacher."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import torch
from torch import Tensor

from zelitrio.errors import LocalError
from zelitrio.networks import Kokoro, KokoroRequest, speak_all
from zelitrio.training.recipe.teacher.maker import Samples
from zelitrio.training.recipe.teacher.requests import VOICES, Request
from zelitrio.voices import KokoroModel, KokoroSpeaker, load_folder


@attrs.frozen(kw_only=True, eq=False)
class KokoroTeacher:
    """A `Teacher`: the network on its device, with the styles of `VOICES`."""

    network: Kokoro
    styles: Tensor  # [voices, 510, 256]
    batch_s: float
    """Seconds of speech per batch."""
    most_at_once: int
    """Requests per call, many because a GPU's batch is chosen from them by similar length."""

    @classmethod
    def at(cls, folder: Path, device: str) -> KokoroTeacher:
        """Read a voice folder of `zelitrio voices add kokoro`.

        Raises:
            LocalError: the folder lacks one of the teacher's voices.
            VoiceError: the folder cannot be read.
        """
        found = {voice.voice_id: voice for voice in load_folder(folder)}
        models = [found[name].model for name in VOICES if name in found]
        speakers = [found[name].speaker for name in VOICES if name in found]
        styles = [torch.from_numpy(one.styles) for one in speakers if isinstance(one, KokoroSpeaker)]
        if len(styles) < len(VOICES) or not isinstance(models[0], KokoroModel):
            raise LocalError(
                f"--teacher: expected a folder with Kokoro's {', '.join(VOICES)}, found {', '.join(found)}"
                f" in {folder}"
            )
        batch_s, most = (60.0, 24) if device == "cpu" else (300.0, 480)
        network = models[0].network().to(device)
        return cls(network=network, styles=torch.stack(styles), batch_s=batch_s, most_at_once=most)

    def say(self, requests: Sequence[Request]) -> Iterator[tuple[int, Samples, Samples]]:
        """See Teacher.say."""
        wanted = [KokoroRequest(ids=one.ids, table=one.voice, speed=one.speed) for one in requests]
        for speech in speak_all(self.network, self.styles, wanted, batch_s=self.batch_s):
            yield speech.index, speech.samples, speech.f0
