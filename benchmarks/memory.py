"""Peak memory of tracking and rendering a five-minute clip: prints a table for docs/benchmarks.md.

    python benchmarks/memory.py CLIP --performer NAME.performer

CLIP is repeated, without re-encoding, until it lasts five minutes; each verb then runs as a process of its own. Both
together take about half an hour on two cores. Linux and macOS.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import av
import tyro

from choreograft.video.read import probe


@dataclass(frozen=True)
class Options:
    """What to measure with."""

    clip: tyro.conf.Positional[Path]
    """A video of a person, best at 1080p."""
    performer: Path
    """A trained performer, who dances the long clip."""
    minutes: float = 5.0
    """Length that the clip is repeated to."""
    folder: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where to keep the long clip and its track; a temporary folder if left out."""


def main(options: Options) -> None:
    """Make the long clip, run both verbs on it, print the table."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        long = folder / "long.mp4"
        if not long.exists():
            repeat_clip(options.clip, long, 60 * options.minutes)
        info, runs = probe(long), folder / "runs"
        print(f"{info.frames} frames, {info.size}, {float(info.rate):.2f} fps, {info.duration_s:.0f} s\n")
        print("| verb | peak resident | time | a frame |\n|---|---|---|---|")
        verbs = {
            "track": ["track", long, "-o", folder / "long.npz", "--runs", runs, "--overwrite"],
            "render": [
                "dance",
                long,
                "--as",
                options.performer,
                "-o",
                folder / "out.mp4",
                "--runs",
                runs,
                "--overwrite",
            ],
        }
        for name, arguments in verbs.items():
            peak_mb, seconds = run_verb([str(argument) for argument in arguments])
            frame_ms = 1000 * seconds / (info.frames or 1)
            print(f"| {name} | {peak_mb:.0f} MB | {seconds:.0f} s | {frame_ms:.0f} ms |", flush=True)


def repeat_clip(clip: Path, output: Path, seconds: float) -> None:
    """Write the pictures of a clip again and again, packet by packet, until `seconds` are full."""
    with av.open(str(clip)) as source, av.open(str(output), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        assert stream.time_base is not None
        assert stream.average_rate is not None
        length = stream.frames / stream.average_rate / stream.time_base
        for turn in range(int(seconds / float(length * stream.time_base)) + 1):
            source.seek(0)
            for packet in source.demux(stream):
                if packet.dts is None or packet.pts is None:
                    continue
                packet.pts, packet.dts = packet.pts + round(turn * length), packet.dts + round(turn * length)
                packet.stream = copy
                target.mux(packet)


def run_verb(arguments: list[str]) -> tuple[float, float]:
    """Peak resident memory, MB, and wall time, s, of one command."""
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "choreograft", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)  # the usage of this one child alone
    if status:
        sys.exit(f"choreograft {' '.join(arguments)} failed")
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss / unit, time.monotonic() - began


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
