"""Giving a silent video a sound of one's own."""

from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from choreograft.files import atomic_path
from choreograft.video.decode import open_video

BIT_RATE = 128_000


def add_sound(video: Path, samples: NDArray[np.float32], rate_hz: int) -> None:
    """Put a sound into a video that has none; its pictures are copied as they are.

    Args:
        video: an MP4 file, replaced when the new one is whole.
        samples: (N,) mono, -1..1, from the first picture on.
        rate_hz: samples per second, one that AAC knows.
    Raises:
        VideoError: the video cannot be read.
        OutputError: its folder cannot be written.
    """
    with atomic_path(video) as temporary, open_video(video) as (container, pictures):
        options = {"movflags": "+faststart"}
        with av.open(f"file:{temporary}", "w", container_options=options) as output:
            copy = output.add_stream_from_template(pictures)
            sound = output.add_stream("aac", rate=rate_hz, layout="mono", bit_rate=BIT_RATE)
            for packet in container.demux(pictures):
                if packet.dts is not None:
                    packet.stream = copy
                    output.mux(packet)
            frame = AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
            frame.sample_rate = rate_hz
            output.mux(sound.encode(frame))
            output.mux(sound.encode(None))
