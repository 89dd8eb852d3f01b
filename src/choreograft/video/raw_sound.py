"""Linear PCM read by ourselves, without PyAV's decoder.

PyAV 18.1 frees a channel layout of its own (order "custom": each channel labelled "unused", as camcorders write) twice
when it reads the layout or decodes a frame, which ends the process. Packets and all that is read here are safe.

Shapes: N samples of each of C channels.
"""

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Final

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from choreograft.video.clock import AnyPacket

LINEAR_PCM: Final = re.compile(r"pcm_([suf])(8|16|24|32|64)(le|be)?")
"""Names of FFmpeg's codecs of plain numbers, channel by channel in turn."""
KEPT_CHANNELS: Final = 2
"""The first ones, which a recorder gives its own microphones; what further ones hold nobody can know."""


def raw_frames(packets: Iterable[AnyPacket], stream: AudioStream) -> Iterator[AudioFrame]:
    """The first channel or two of linear PCM, as frames at the times of the stream's packets.

    Raises:
        ValueError: another codec, or packets that do not tell how many channels they hold.
    """
    codec, rate = stream.codec_context.codec.canonical_name, stream.rate
    time_base, channels = Fraction(stream.time_base or Fraction(1, rate)), 0
    for packet in packets:
        if packet.pts is None or not packet.size:
            continue
        numbers = read_numbers(codec, bytes(packet))
        channels = channels or count_channels(len(numbers), (packet.duration or 0) * time_base * rate)
        samples = numbers[: len(numbers) // channels * channels].reshape(-1, channels)[:, :KEPT_CHANNELS]
        layout = "mono" if samples.shape[1] == 1 else "stereo"
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, packet.pts, time_base
        yield frame


def read_numbers(codec: str, data: bytes) -> NDArray[np.float32]:
    """(N * C,) the numbers of a packet, -1..1; bytes left over at its end are none.

    Raises:
        ValueError: `codec`, by FFmpeg's name, is not linear PCM.
    """
    found = LINEAR_PCM.fullmatch(codec)
    if found is None:
        raise ValueError(f"found {codec}; expected linear PCM")
    kind, bits, order = found[1], int(found[2]), ">" if found[3] == "be" else "<"
    data = data[: len(data) * 8 // bits * bits // 8]
    if bits == 24:  # as 32 bits whose last 8 are zero
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, slice(0, 3) if order == ">" else slice(1, 4)] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        data, bits = wide.tobytes(), 32
    numbers = np.frombuffer(data, f"{order}{kind.replace('s', 'i')}{bits // 8}").astype(np.float64)
    if kind != "f":
        numbers = numbers / 2 ** (bits - 1) - (kind == "u")
    return numbers.astype(np.float32)


def count_channels(numbers: int, samples: Fraction) -> int:
    """How many channels share the numbers of a packet that lasts so many samples.

    Raises:
        ValueError: the two do not fit each other.
    """
    if samples <= 0 or numbers < samples or numbers % samples:
        raise ValueError(f"found {numbers} numbers in a packet of {float(samples):g} samples; expected whole channels")
    return int(numbers / samples)


def readable_packets(container: InputContainer, stream: AudioStream) -> Iterator[AnyPacket]:
    """The stream's packets up to the first place that cannot be read at all."""
    try:
        yield from container.demux(stream)
    except av.FFmpegError:
        return
