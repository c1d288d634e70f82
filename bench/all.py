"""Run the benches one after another, each in its own process.

    python -m bench.all               the short set, under five minutes
    python -m bench.all --keep        also append to bench/results/<machine>/ and draw

A bench that fails is named, and the next one starts.  The exit code is then 1.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time

from bench.machine import REPOSITORY

SHORT = (
    ("client_alone",),
    ("engine_alone", "--seconds", "9"),
    ("vocoder_step", "--seconds", "4", "--rows", "1,4"),
    ("first_audio", "--seconds", "15"),
    ("waterfall", "--rounds", "20"),
    ("concurrency", "--seconds", "5", "--streams", "1,4,16"),
    ("open_loop", "--seconds", "6", "--rates", "1,3"),
    ("listeners", "--seconds", "8", "--from", "20", "--step", "10", "--up-to", "30", "--exact", "10"),
    ("cancel", "--rounds", "12"),
    ("stalled", "--rounds", "1", "--utterances", "20"),
    ("loop_hold", "--seconds", "5"),
    ("scripted", "--seconds", "2"),
)


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--keep", action="store_true")
    made.add_argument("--each-s", type=float, default=180.0, help="time limit of one program")
    said, passed_on = made.parse_known_args()
    begin, failed = time.monotonic(), []
    for name, *flags in SHORT:
        flags += [*(["--keep"] if said.keep else []), *passed_on]
        began = time.monotonic()
        if not run(name, flags, said.each_s):
            failed.append(name)
        print(f"-- {name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    if said.keep:
        subprocess.run([sys.executable, "-m", "bench.plot"], cwd=REPOSITORY, check=False)
    took = f"all: {time.monotonic() - begin:.0f} s"
    print(took + (f", failed: {', '.join(failed)}" if failed else ""), file=sys.stderr)
    raise SystemExit(bool(failed))


def run(name: str, flags: list[str], at_most_s: float) -> bool:
    """Run one bench and return whether it succeeded.  Its server and clients always end with it."""
    command = [sys.executable, "-m", f"bench.{name}", *flags]
    with subprocess.Popen(command, cwd=REPOSITORY, start_new_session=True) as bench:
        try:
            return bench.wait(at_most_s) == 0
        except BaseException as stopped:
            os.killpg(bench.pid, signal.SIGKILL)
            if not isinstance(stopped, subprocess.TimeoutExpired):
                raise
            print(f"{name}: not done after {at_most_s:.0f} s", file=sys.stderr)
            return False


if __name__ == "__main__":
    main()
