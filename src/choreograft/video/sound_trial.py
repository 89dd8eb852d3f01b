"""Can the sound of a source be carried into a result? Tried before any work, all of it, in a process of its own.

What a decoder makes of a damaged or unusual sound may be an error, and in PyAV 18.1 an abort (`sound.py`): neither
may cost a result. A sound that cannot be carried is left out.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Final

import av

from choreograft.errors import give_reason
from choreograft.video.decode import open_video
from choreograft.video.sound import LINEAR_PCM, Retiming, SoundCarrier, sound_stream

FORMATS: Final = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov"}
"""FFmpeg's names for the formats of results, by suffix; its own choice for .m4v takes fewer codecs."""


@dataclass(frozen=True)
class SoundTrial:
    """What came of trying a sound."""

    carried: bool
    """False also where the source has no sound."""
    first_channels: bool = False
    """Whether only that way worked which keeps the first two channels; see `SoundCarrier`."""
    note: str | None = None
    """A sentence for the user where the result will not have the sound as it is."""


def try_sound(source: Path, suffix: str, retiming: Retiming | None = None) -> SoundTrial:
    """Find out how the sound of a video is carried into a result of that suffix; once for each file and way.

    Raises:
        VideoError: the source cannot be opened.
    """
    if source.is_dir():
        return SoundTrial(carried=False)
    with open_video(source) as (container, _):
        if not container.streams.audio:
            return SoundTrial(carried=False)
        stream = sound_stream(container)
        codec = "" if stream is None else stream.codec_context.codec.canonical_name
    seen = source.stat()
    return _try(source, seen.st_mtime_ns, seen.st_size, codec, suffix, retiming)


@lru_cache
def _try(source: Path, _time_ns: int, _bytes: int, codec: str, suffix: str, retiming: Retiming | None) -> SoundTrial:
    tempo = [] if retiming is None else [str(retiming.tempo), str(retiming.duration)]
    asked = [str(source.absolute()), suffix, *tempo]
    reason = _run("as it is", *asked)
    if reason is None:
        return SoundTrial(carried=True)
    if LINEAR_PCM.fullmatch(codec) and _run("first channels", *asked) is None:
        note = f"{source.name}: its sound does not say what its channels are; the result has the first two of them"
        return SoundTrial(carried=True, first_channels=True, note=note)
    note = (
        f"{source.name}: its sound is left out: {reason}; to have it in the result, convert it to AAC in stereo, or to"
        " uncompressed stereo"
    )
    return SoundTrial(carried=False, note=note)


def _run(*arguments: str) -> str | None:
    """Why the trial failed in a process of its own; None where it did not."""
    paths = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-m", __name__, *arguments]
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONPATH": paths}, check=False)
    if done.returncode == 0:
        return None
    said = done.stdout.decode(errors="replace").strip()
    return said or f"reading it ends the program that does (exit code {done.returncode})"


def main(arguments: Sequence[str]) -> str | None:
    """Carry a whole sound to nowhere; returns why that failed, if it did.

    Args:
        arguments: "as it is" or "first channels", the source, the result's suffix, and of another tempo that and the
            result's duration, s.
    """
    way, source, suffix, *tempo = arguments
    retiming = Retiming(*map(Fraction, tempo)) if tempo else None
    try:
        with av.open(f"file:{os.devnull}", "w", format=FORMATS[suffix]) as output:
            carrier = SoundCarrier(Path(source), output, suffix, retiming, way == "first channels")
            for packet in carrier.advance(None):
                output.mux(packet)
    except Exception as error:  # noqa: BLE001 - whatever it is, the result goes without this sound
        return give_reason(error)
    return None


if __name__ == "__main__":
    fault = main(sys.argv[1:])
    if fault is not None:
        sys.stdout.write(fault)
        sys.exit(1)
