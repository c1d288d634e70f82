"""Minimal HTTP servers for voices that have no server: a sentence in, a WAV file out, one at a time.

    python -m bench.small_server flite | espeak-ng | kokoro --model FILE.onnx --styles FILE.npz --speaker NAME

The request is that of Piper's HTTP server: a POST with `{"text": ...}`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from zelitrio.audio import wav_header

Speak = Callable[[str], bytes]
_BODY_BYTES = 100_000


def flite(text: str) -> bytes:
    """Return a WAV file by flite's voice slt."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", file.name], check=True, timeout=60)
        return Path(file.name).read_bytes()


def espeak(text: str) -> bytes:
    """Return a WAV file by espeak-ng's English voice."""
    command = ["espeak-ng", "-v", "en-us", "--stdin", "--stdout"]
    return subprocess.run(command, input=text.encode(), capture_output=True, check=True, timeout=60).stdout


def kokoro(model: Path, styles: Path, speaker: str, threads: int) -> Speak:
    """Return a function that makes WAV files by kokoro-onnx."""
    import kokoro_onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    voice = kokoro_onnx.Kokoro.from_session(session, str(styles))

    def speak(text: str) -> bytes:
        pcm, rate_hz = voice.create(text, speaker)
        samples: bytes = (np.clip(np.asarray(pcm), -1, 1) * 32767).astype("<i2").tobytes()
        return wav_header(int(rate_hz), len(samples)) + samples

    return speak


def serve(speak: Speak, port: int) -> None:
    """Serve until interrupted; first print "ready at http://HOST:PORT"."""
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size = min(int(self.headers.get("content-length", 0)), _BODY_BYTES)
            text = json.loads(self.rfile.read(size))["text"]
            with one_at_a_time:
                wav = speak(text)
            self.send_response(200)
            self.send_header("content-type", "audio/wav")
            self.send_header("content-length", str(len(wav)))
            self.end_headers()
            self.wfile.write(wav)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        print(f"ready at http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("voice", choices=("flite", "espeak-ng", "kokoro"))
    made.add_argument("--port", type=int, default=0)
    made.add_argument("--model", type=Path)
    made.add_argument("--styles", type=Path)
    made.add_argument("--speaker", default="af_heart")
    made.add_argument("--threads", type=int, default=1)
    said = made.parse_args()
    if said.voice == "kokoro":
        serve(kokoro(said.model, said.styles, said.speaker, said.threads), said.port)
    else:
        serve(flite if said.voice == "flite" else espeak, said.port)


if __name__ == "__main__":
    main()
