"""Synthetic clips for every test that needs a video: known colours, known times, a known sound."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from choreograft.studio.costume import Costume, costume_of

LUMA = {"601": (0.299, 0.114), "709": (0.2126, 0.0722)}
"""Weights of red and blue in luma, ITU-R BT.601 and BT.709."""
MATRIX_CODES = {"601": 6, "709": 1}


@dataclass(frozen=True)
class Tone:
    """A sine after silence."""

    onset_s: float = 0.5
    """When it becomes audible, on the file's clock."""
    begin_s: float = 0.0
    """Time of the first sample."""
    end_s: float = 2.0
    codec: str = "aac"
    rate: int = 44_100
    frequency_hz: float = 440.0

    def samples(self) -> NDArray[np.float32]:
        """(N,) in [-1, 1]."""
        time_s = self.begin_s + np.arange(round((self.end_s - self.begin_s) * self.rate)) / self.rate
        return np.where(time_s < self.onset_s, 0, 0.5 * np.sin(2 * np.pi * self.frequency_hz * time_s)).astype("f4")


@dataclass(frozen=True)
class Look:
    """How pictures are stored."""

    pix_fmt: str = "yuv420p"
    matrix: str = "709"
    full_range: bool = False
    tagged: bool = True
    rotation: int = 0
    """Of the display matrix, degrees counterclockwise."""
    mirrored: bool = False
    pixel_aspect: Fraction | None = None


@pytest.fixture(scope="session")
def ada() -> Costume:
    """A tall and slim performer of the studio; building a body takes seconds."""
    return costume_of("ada")


@pytest.fixture(scope="session")
def bruno() -> Costume:
    """A short and broad one."""
    return costume_of("bruno")


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a clip into `tmp_path` and returns its path.

    Its arguments are those of `write_clip`, with a file name for the path; `look` and `tone` as dictionaries.
    """

    def make(name: str, images: Sequence[NDArray[np.uint8]], **options: Any) -> Path:
        if "look" in options:
            options["look"] = Look(**options["look"])
        if "tone" in options:
            options["tone"] = Tone(**options["tone"])
        return write_clip(tmp_path / name, images, **options)

    return make


def write_clip(
    path: Path,
    images: Sequence[NDArray[np.uint8]],
    rate: Fraction = Fraction(25),
    times: Sequence[Fraction] | None = None,
    time_base: Fraction = Fraction(1, 90_000),
    codec: str = "libx264",
    look: Look | None = None,
    tone: Tone | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write RGB `images` at `times` (evenly spaced unless given), converted by the textbook formula, not by swscale."""
    look = look or Look()
    times = [index / rate for index in range(len(images))] if times is None else times
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        default = {"qp": "1", "preset": "ultrafast"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=rate, options=default | (options or {}))
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = look.pix_fmt
        stream.codec_context.time_base = time_base
        if look.pixel_aspect:
            stream.codec_context.sample_aspect_ratio = look.pixel_aspect
        if look.rotation or look.mirrored:
            stream.set_display_rotation(look.rotation, hflip=look.mirrored)
        if look.tagged:
            stream.codec_context.colorspace = MATRIX_CODES[look.matrix]
            stream.codec_context.color_range = 2 if look.full_range else 1
        sound = container.add_stream(tone.codec, rate=tone.rate, layout="mono") if tone else None
        packets = []
        for image, time in zip(images, times, strict=True):
            frame = VideoFrame.from_ndarray(to_yuv(image, look), format=look.pix_fmt)
            frame.pts, frame.time_base = round(time / time_base), time_base
            frame.color_range = 2 if look.full_range else 1
            packets += stream.encode(frame)
        packets += stream.encode(None)
        if sound is not None:
            packets += _encode_tone(sound, tone)
        for packet in sorted(packets, key=_decoding_time):
            container.mux(packet)
    return path


def to_yuv(image: NDArray[np.uint8], look: Look) -> NDArray[np.uint8 | np.uint16]:
    """RGB to planar YUV in the array layout of PyAV: 4:2:0 stacked (3/2 H, W), 4:4:4 as (3, H, W)."""
    red, blue = LUMA[look.matrix]
    rgb = image / 255
    luma = red * rgb[..., 0] + (1 - red - blue) * rgb[..., 1] + blue * rgb[..., 2]
    chroma = [(rgb[..., 2] - luma) / (2 - 2 * blue), (rgb[..., 0] - luma) / (2 - 2 * red)]
    peak = 1023 if "10" in look.pix_fmt else 255
    unit = (peak + 1) / 256
    luma = luma * peak if look.full_range else (16 + 219 * luma) * unit
    chroma = [128 * unit + c * (peak if look.full_range else 224 * unit) for c in chroma]
    if "420" not in look.pix_fmt:
        return np.stack([luma, *chroma]).round().astype(np.uint8)
    height, width = luma.shape
    small = [c.reshape(height // 2, 2, width // 2, 2).mean((1, 3)).reshape(-1, width) for c in chroma]
    planes = np.concatenate([luma, *small]).round().clip(0, peak)
    return planes.astype(np.uint16 if peak > 255 else np.uint8)


def _encode_tone(stream: av.AudioStream, tone: Tone) -> list[av.Packet]:
    samples = tone.samples()
    packets = []
    for start in range(0, len(samples), 1024):
        piece = samples[None, start : start + 1024]
        if stream.codec_context.format.name.startswith("s16"):
            frame = av.AudioFrame.from_ndarray((piece * 32767).astype(np.int16), format="s16", layout="mono")
        else:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), format="fltp", layout="mono")
        frame.sample_rate = tone.rate
        frame.time_base = Fraction(1, tone.rate)
        frame.pts = round(tone.begin_s * tone.rate) + start
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _decoding_time(packet: av.Packet) -> Fraction:
    return packet.dts * packet.time_base
