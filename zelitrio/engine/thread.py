"""The main function of the engine's thread: open the device, load the models, then serve."""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping

import torch

from zelitrio.engine.commands import Command, Ready
from zelitrio.engine.device import Device, is_out_of_memory
from zelitrio.engine.loading import Captured, load_all
from zelitrio.engine.outbox import Outbox, Post
from zelitrio.engine.worker import Worker
from zelitrio.errors import EngineError
from zelitrio.settings import EngineSettings
from zelitrio.voices import Voice


def run(
    open_device: Callable[[], Device],
    voices: Mapping[int, Voice],
    settings: EngineSettings,
    inbox: queue.SimpleQueue[Command],
    post: Post,
    ready: Callable[[Device, Ready], None],
    captured: Captured | None = None,
) -> None:
    """Serve until `Stop`.  Blocks its thread.

    Args:
        open_device: opens the device in this thread.
        voices: a voice of each model to load at start, by the model's number.
        settings: the engine's settings.
        inbox: commands of the event loop.
        post: called with the deliveries of each step; must not raise or block.
        ready: called once, after warm-up.
        captured: called after each captured graph.

    Raises:
        EngineError: warm-up failed, or the device was lost.
    """
    # Inference mode and torch's number of threads are thread-local.
    with torch.inference_mode():
        try:
            device = open_device()
            device.enter_thread()
            loaded, captures = load_all(voices, device, settings, captured)
            outbox = Outbox(post, captures.names)
            worker = Worker(loaded, settings, inbox, outbox, is_wide=device.is_wide)
            tempos = {number: model.tempo for number, model in loaded.items()}
            ready(device, Ready(device=device.name, tempos=tempos, captures=captures))
            worker.serve()
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise EngineError(f"the device failed: {error}") from error
            raise EngineError(
                f"the device ran out of memory ({error}); use a smaller --max-batch or --max-streams,"
                " or --dtype bfloat16"
            ) from error
