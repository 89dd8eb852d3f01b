"""Writing H.264 videos with exact frame times and the source's sound.

Shapes: H, W pixels of a frame. Written video is yuv420p, BT.709, limited range (docs/conventions.md, "Colour").
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from choreograft.config import VideoConfig
from choreograft.errors import OptionError, OutputError
from choreograft.files import atomic_path, check_place
from choreograft.video.clock import AnyPacket
from choreograft.video.decode import open_video
from choreograft.video.size import Size
from choreograft.video.sound import COPIED, Retiming, SoundCarrier
from choreograft.video.sound_trial import FORMATS, try_sound

SUFFIXES = tuple(sorted(COPIED))
"""The MP4 family. Matroska is left out: it rounds every time to a millisecond."""
MIN_TICKS_PER_S, MAX_TICKS_PER_S = 10_000, 1_000_000
COMMON_TICKS_PER_S = 90_000
"""Holds the times of MPEG-TS, Matroska, phones and all integer rates exactly."""
BT709_CODE = 1
"""In ITU-T H.273."""
PRECISE = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND


def check_output(path: Path, inputs: Sequence[Path], overwrite: bool, suffixes: Sequence[str] = SUFFIXES) -> None:
    """Refuse, before any work is done, an output that could not or should not be written in the end.

    Raises:
        OptionError: the suffix is not one of `suffixes`, those of a video unless given, or the output is
            one of the inputs, under whatever name.
        OutputError: the output exists and `overwrite` is false, is a folder, or its folder cannot be written.
    """
    _check_suffix(path, suffixes)
    check_place(path)
    for given in inputs:
        if path.exists() and given.exists() and path.samefile(given):
            raise OptionError(f"the output {path} is the input {given}; choose another name for the output")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists already; choose another name, or add --overwrite to replace it")


class VideoWriter:
    """Writes frames at their own times into a file that appears only when it is complete.

    Used as a context manager. Without B-frames decoding order is showing order, so that the times written are the
    times every player shows. Encoded with an even width and height: of an odd size the last column or row is repeated.
    """

    def __init__(
        self,
        path: Path,
        size: Size,
        rate: Fraction,
        sound_from: Path | None = None,
        time_base: Fraction | None = None,
        config: VideoConfig | None = None,
        retiming: Retiming | None = None,
    ) -> None:
        """Describe the file; it is opened with the context.

        Args:
            size: of the frames, px.
            rate: nominal frames per second, exact (30000/1001).
            sound_from: a video whose sound is carried over, on the clock that begins with its first shown frame; a
                folder of pictures has none.
            time_base: of the times that will be written, such as `VideoInfo.time_base`; without it one that suits
                the rate and the usual sources.
            retiming: of the sound, where the result is slower or faster than the source.
        Raises:
            OptionError: the suffix is not one of `SUFFIXES`.
        """
        _check_suffix(path, SUFFIXES)
        self.path = path
        self.size = size
        self._rate = rate
        self._tick = Fraction(1, _ticks_per_s(rate, time_base))
        self._sound_from = sound_from
        self._retiming = retiming
        self._config = config or VideoConfig()
        self._reformatter = VideoReformatter()
        self._last_tick: int | None = None
        self._duration = 1 / rate
        self._held: AnyPacket | None = None
        self._sound: SoundCarrier | None = None

    def __enter__(self) -> Self:
        """Open a temporary file beside `path`.

        Raises:
            OutputError: the folder cannot be written.
            VideoError: `sound_from` cannot be read.
        """
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            with _telling_of(self.path):
                # the prefix keeps FFmpeg from taking a name with a colon for a protocol
                self._container = av.open(
                    f"file:{temporary}",
                    "w",
                    format=FORMATS[self.path.suffix.lower()],
                    container_options={"movflags": "+faststart"},
                )
            stack.callback(self._close)
            self._stream = self._add_pictures()
            if self._sound_from is not None:
                self._open_sound(self._sound_from, stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the file and give it its name; after an error remove it instead.

        Raises:
            OutputError: no frame was written, or the file cannot be completed (a full disk).
        """
        if error is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            if self._last_tick is None:
                raise OutputError(f"no frame was written to {self.path}; expected at least one")
            self._finish()

    def write(self, image: NDArray[np.uint8], time: Fraction, duration: Fraction | None = None) -> None:
        """Append a frame.

        Args:
            image: (H, W, 3) uint8 RGB of the writer's size.
            time: when it is shown, s, 0 = the first frame; later than the frame before.
            duration: how long it stays if no frame follows, s; one frame at the nominal rate unless given.
        Raises:
            OutputError: the file cannot be written (a full disk).
            ValueError: another shape, or a time that does not increase.
        """
        if image.shape != (self.size.height, self.size.width, 3) or image.dtype != np.uint8:
            raise ValueError(f"found an image {image.dtype} {image.shape}; expected uint8 RGB of {self.size}")
        tick = round(time / self._tick)
        if tick < 0 or (self._last_tick is not None and tick <= self._last_tick):
            raise ValueError(f"found a frame at {float(time):.6f} s; expected times from 0 on that increase")
        frame = self._to_frame(image)
        frame.pts, frame.time_base = tick, self._tick
        self._last_tick, self._duration = tick, duration or 1 / self._rate
        self._mux_sound(time)
        with _telling_of(self.path):
            self._mux_pictures(self._stream.encode(frame))

    def _open_sound(self, source: Path, stack: ExitStack) -> None:
        suffix = self.path.suffix.lower()
        trial = try_sound(source, suffix, self._retiming)
        if trial.carried:
            self._sound = SoundCarrier(source, self._container, suffix, self._retiming, trial.first_channels)
            stack.callback(self._sound.close)

    def _add_pictures(self) -> VideoStream:
        options = {"crf": str(self._config.crf), "preset": self._config.encoder_preset, "bf": "0"}
        stream = self._container.add_stream("libx264", rate=self._rate, options=options)
        stream.time_base = self._tick
        codec = stream.codec_context
        codec.time_base = self._tick
        codec.width, codec.height = _even(self.size)
        codec.pix_fmt = "yuv420p"
        codec.colorspace = codec.color_primaries = codec.color_trc = BT709_CODE
        codec.color_range = ColorRange.MPEG
        return stream

    def _to_frame(self, image: NDArray[np.uint8]) -> VideoFrame:
        width, height = _even(self.size)
        if (width, height) != self.size:
            image = np.pad(image, ((0, height - self.size.height), (0, width - self.size.width), (0, 0)), mode="edge")
        return self._reformatter.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            dst_color_trc=ColorTrc.BT709,
            dst_color_primaries=ColorPrimaries.BT709,
            interpolation=PRECISE,
        )

    def _mux_pictures(self, packets: Sequence[AnyPacket]) -> None:
        """Pass packets on one late: only the next one, or the end, tells how long a picture stays."""
        for packet in packets:
            if self._held is not None and packet.pts is not None and self._held.pts is not None:
                self._held.duration = packet.pts - self._held.pts
                self._container.mux(self._held)
            self._held = packet

    def _mux_sound(self, until: Fraction | None) -> None:
        if self._sound is None:
            return
        packets = list(self._sound.advance(until))  # what is wrong here is the source's
        with _telling_of(self.path):
            self._container.mux(packets)

    def _finish(self) -> None:
        assert self._last_tick is not None
        with _telling_of(self.path):
            self._mux_pictures(self._stream.encode(None))
            if self._held is not None:
                self._held.duration = max(1, round(self._duration / self._tick))
                self._container.mux(self._held)
        if self._sound is not None:
            written_until = self._last_tick * self._tick + self._duration
            self._mux_sound(self._sound.end(written_until, slack=2 / self._rate))

    def _close(self) -> None:
        with _telling_of(self.path):
            self._container.close()


@contextmanager
def _telling_of(path: Path) -> Iterator[None]:
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write {path}: {reason}; check the free space and the permissions there") from error


def _check_suffix(path: Path, suffixes: Sequence[str]) -> None:
    if path.suffix.lower() not in suffixes:
        expected = " or ".join(suffixes)
        raise OptionError(f"{path}: found the suffix {path.suffix!r}; expected a name that ends in {expected}")


def _even(size: Size) -> Size:
    """yuv420p halves its colour planes, so both sides have to be even."""
    return Size(size.width + size.width % 2, size.height + size.height % 2)


def _ticks_per_s(rate: Fraction, time_base: Fraction | None) -> int:
    """A clock fine enough for every player, in which the times of the source are whole numbers where possible."""
    exact = time_base.denominator if time_base else math.lcm(rate.numerator, COMMON_TICKS_PER_S)
    for ticks in (exact, rate.numerator):
        if ticks <= MAX_TICKS_PER_S:
            return ticks * -(-MIN_TICKS_PER_S // ticks)
    return COMMON_TICKS_PER_S


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
