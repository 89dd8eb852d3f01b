"""The source's sound in the result: packets copied where the result's format takes them, encoded anew where not.

Whether a sound can be carried at all, sound_trial.py finds out. At another tempo it is always encoded anew, at the same
pitch, through FFmpeg's `atempo`: that lays pieces of 43 ms over each other where they fit best (WSOLA, Verhelst and
Roelands 1993). It keeps step over any length, but puts a beat a little early, the more so the slower it plays; its
average is made up for.

Pictures of a result start at 0, so the sound is shifted by the time of the source's first picture. Sound from before it
is cut, sound that starts later stays later. Of joined recordings each part moves with its pictures.

Linear PCM can be read by ourselves, without PyAV's decoder: PyAV 18.1 frees a channel layout of its own (order
"custom": each channel labelled "unused", as camcorders write) twice when it reads the layout or decodes a frame, which
ends the process. Packets and all that is read here are safe.

Shapes: N samples of each of C channels.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Final, cast

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.stream import Disposition
from numpy.typing import NDArray

from choreograft.video.clock import AnyPacket, Recording, jumps, nominal_rate
from choreograft.video.decode import find_recordings, first_picture, open_video, pictures_end

RETIMED_HZ: Final = 48_000
"""Retimed sound is encoded at this rate: the length of atempo's pieces, and so what it puts early, depends on it."""
SLOWEST_STAGE: Final = 0.5
"""One atempo goes no slower; two of them do."""
EARLY_SLOW_S: Final = 0.017
EARLY_SLOWER_S: Final = 0.009
EARLY_FAST_S: Final = 0.006
"""How early attacks come, measured on drums and clicks, with and without held notes, at tempos from 0.5 to 4: in slow
sound 17 ms and 9 ms more for every further second that a second lasts, in fast sound 6 ms; each to within 20 ms."""


@dataclass(frozen=True)
class Retiming:
    """What becomes of the sound of a dance that is danced slower or faster."""

    tempo: Fraction
    """Seconds of the source in one second of the result; above 1 is faster."""
    duration: Fraction
    """Of the result, s; the sound is cut, or silence added, to exactly this length."""

    def filters(self, late: Fraction) -> list[tuple[str, str]]:
        """Names and arguments of FFmpeg filters, for samples at `RETIMED_HZ`.

        Args:
            late: when the first sample is heard, s after the source's first picture.
        """
        stages = split_tempo(float(self.tempo))
        wait = round((float(late / self.tempo) + find_lead_s(stages)) * RETIMED_HZ)
        length = round(self.duration * RETIMED_HZ)
        return [
            ("asetpts", "PTS-STARTPTS"),
            *(("atempo", f"{stage:.12f}") for stage in stages),
            ("adelay", f"delays={wait}S:all=1"),
            ("apad", f"whole_len={length}"),
            ("atrim", f"end_sample={length}"),
            ("asetpts", "N/SR/TB"),
        ]


def split_tempo(tempo: float) -> list[float]:
    """The tempo as a product of equal ones that atempo takes."""
    stages = max(1, math.ceil(math.log(tempo) / math.log(SLOWEST_STAGE) - 1e-9))
    return [tempo ** (1 / stages)] * stages


def find_lead_s(stages: list[float]) -> float:
    """How early sound comes out of a chain of atempo filters, s."""
    lead_s = 0.0
    for tempo in stages:
        slower = 1 / tempo - 1
        lead_s = lead_s / tempo + (EARLY_SLOW_S + EARLY_SLOWER_S * slower if slower > 0 else EARLY_FAST_S)
    return lead_s


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


COPIED = {
    ".mp4": {"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"},
    ".mov": {"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"},
}
COPIED[".m4v"] = COPIED[".mp4"]
"""Codecs that stay as they are, by suffix of the result; any other becomes AAC."""
MIN_MP3_HZ = 16_000
"""MP4 has no place for MP3 at the half rates below."""
LEAD_IN = Fraction(1, 10)
"""Seconds of packets copied from before the first picture: a decoder needs them to start, an edit list hides them."""
ENCODED_BIT_RATE = 192_000
ENCODED_RATES = {16_000, 22_050, 24_000, 32_000, 44_100, 48_000}
ENCODED_LAYOUTS = {"mono", "stereo", "5.1"}
MAX_ENCODED_DRIFT_S = 0.03
"""Gaps and overlaps of the source's sound above this are filled with silence or cut, so that it stays in sync."""


class SoundCarrier:
    """Brings the sound of `source` into `output`, piece by piece as the pictures advance.

    Close it, also on failure.
    """

    def __init__(
        self,
        source: Path,
        output: OutputContainer,
        suffix: str,
        retiming: Retiming | None = None,
        first_channels: bool = False,
    ) -> None:
        """Add a stream to the output.

        Args:
            first_channels: read linear PCM without its decoder and keep no more than two channels.
        Raises:
            VideoError: the source cannot be opened. av.FFmpegError, ValueError: its sound cannot be carried.
        """
        self._source = source
        self._retiming = retiming
        self._files = ExitStack()
        self._pending: AnyPacket | None = None
        self._packets: Iterator[AnyPacket] = iter(())
        with open_video(source) as (container, pictures):
            self._start = first_picture(source, container, pictures).time
            self._recordings = find_recordings(source, nominal_rate(source, container, pictures))
        self._packets = self._open_packets(source, output, suffix, first_channels)

    def advance(self, until: Fraction | None) -> Iterator[AnyPacket]:
        """Packets for the result that begin before `until` s (None: all that are left), each once."""
        while True:
            try:
                packet = self._pending or next(self._packets, None)
            except (av.FFmpegError, ValueError):
                packet = None  # not seen when it was tried: the file has changed, or its disk has gone
            self._pending = packet
            if packet is None or (until is not None and (packet.pts or 0) * packet.time_base >= until):
                return
            self._pending = None
            yield packet

    def end(self, written_until: Fraction, slack: Fraction) -> Fraction | None:
        """Where the sound has to stop, s, once all pictures are written; None where it runs on to its own end.

        As in the source it may outlast the pictures, unless it is retimed or only a part of the pictures was written.
        """
        whole = self._retiming.duration if self._retiming else pictures_end(self._source) - self._start
        return None if written_until >= whole - slack else written_until

    def close(self) -> None:
        """Close the source."""
        self._files.close()

    def _open_packets(
        self, source: Path, output: OutputContainer, suffix: str, first_channels: bool
    ) -> Iterator[AnyPacket]:
        container, _ = self._files.enter_context(open_video(source))
        stream = sound_stream(container)
        if stream is None:
            raise ValueError("found no sound with a decoder")
        packets = follow_pictures(readable_packets(container, stream), self._recordings)
        if self._retiming is None and _is_copied(stream, suffix):
            copy = output.add_stream_from_template(stream)
            return _copied_packets(packets, stream, copy, self._start)
        rate = stream.rate if stream.rate in ENCODED_RATES and self._retiming is None else RETIMED_HZ
        frames = (raw_frames if first_channels else _decoded_frames)(packets, stream)
        first = next(frames, None)
        if first is None:
            raise ValueError("found nothing in it that decodes")
        few = "mono" if first.layout.nb_channels == 1 else "stereo"  # many files name no layout
        layout = first.layout.name if first.layout.name in ENCODED_LAYOUTS else few
        encoded = output.add_stream("aac", rate=rate, layout=layout, bit_rate=ENCODED_BIT_RATE)
        return _encoded_packets(first, frames, encoded, self._start, self._retiming)


def sound_stream(container: InputContainer) -> AudioStream | None:
    """What players play: of the streams that can be decoded the default one, else the first."""
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
    return max(streams, key=lambda stream: bool(stream.disposition & Disposition.default), default=None)


def follow_pictures(packets: Iterable[AnyPacket], recordings: Sequence[Recording]) -> Iterator[AnyPacket]:
    """The packets of a sound, each moved as far as the pictures of the recording that it belongs to.

    Where its times jump it goes on with the recording behind that has such times, the nearest one in the file, or with
    the same; what fits no pictures is left out.
    """
    at, before = 0, None
    for packet in packets:
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None and recordings:
            time = stamp * packet.time_base
            if before is None or jumps(time - before):
                later = range(at + (before is not None), len(recordings))
                fitting = [n for n in later if recordings[n].covers(time)]
                if not fitting and before is not None and not recordings[at].covers(time):
                    continue
                at = min(fitting, key=lambda n: recordings[n].distance(packet.pos), default=at)
            before = time
            shift = round(recordings[at].shift / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
        yield packet


def _is_copied(stream: AudioStream, suffix: str) -> bool:
    codec = stream.codec_context.codec.canonical_name
    return codec in COPIED[suffix] and not (codec == "mp3" and stream.rate < MIN_MP3_HZ)


def _copied_packets(
    packets: Iterable[AnyPacket], stream: AudioStream, copy: AudioStream, start: Fraction
) -> Iterator[AnyPacket]:
    time_base = Fraction(stream.time_base or Fraction(1, stream.rate))
    shift = round(start / time_base)
    last: int | None = None
    for packet in packets:
        if packet.dts is None or packet.pts is None:
            continue
        end = (packet.pts - shift + (packet.duration or 0)) * time_base
        if end <= -LEAD_IN or (packet.is_discard and end > 0) or (last is not None and packet.dts <= last):
            continue
        last = packet.dts
        packet.pts -= shift
        packet.dts -= shift
        packet.stream = copy
        yield packet


def _encoded_packets(
    first: AudioFrame, frames: Iterable[AudioFrame], encoded: AudioStream, start: Fraction, retiming: Retiming | None
) -> Iterator[AnyPacket]:
    """The packets of a first frame and those after it, on the clock of the pictures."""
    codec = encoded.codec_context
    shift = 0 if retiming else round(start * codec.rate)  # retimed samples are counted from the first picture
    graph = _conditioning(first, codec, start, retiming)
    for packet in _encode(chain([first], frames), graph, codec):
        if packet.pts is not None and packet.dts is not None:
            packet.pts -= shift
            packet.dts -= shift
        packet.stream = encoded
        yield packet


def _decoded_frames(packets: Iterable[AnyPacket], stream: AudioStream) -> Iterator[AudioFrame]:
    for packet in packets:
        with suppress(av.FFmpegError):  # a damaged packet is a moment of silence, not the end of the work
            yield from stream.codec_context.decode(packet)


def _alike(frames: Iterable[AudioFrame]) -> Iterator[AudioFrame]:
    """The frames with format, channels and rate of the first: in recorded broadcasts they change on the way."""
    wanted: tuple[str, str, int] | None = None
    resampler, taken, time_base = None, None, None
    for frame in frames:
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        if wanted is None:
            wanted, time_base = kind, frame.time_base
        if kind == wanted:
            yield frame
            continue
        if kind != taken:
            resampler, taken = AudioResampler(*wanted), kind
        assert resampler is not None
        for changed in resampler.resample(frame):
            if changed.pts is not None and changed.time_base and time_base:
                changed.pts, changed.time_base = round(changed.pts * changed.time_base / time_base), time_base
            yield changed


def _conditioning(frame: AudioFrame, codec: AudioCodecContext, start: Fraction, retiming: Retiming | None) -> Graph:
    """A filter graph from the source's samples to the encoder's.

    Gaps filled, begun at `start`, retimed if asked for, the encoder's rate and layout.
    """
    graph = Graph()
    source = graph.add_abuffer(
        sample_rate=frame.sample_rate, format=frame.format.name, layout=frame.layout.name, time_base=frame.time_base
    )
    first = (frame.pts or 0) * (frame.time_base or Fraction(1, frame.sample_rate))
    steps = [
        ("aresample", f"{codec.rate}:async=1:min_hard_comp={MAX_ENCODED_DRIFT_S}"),
        ("atrim", f"start={float(start):.6f}"),
        *(retiming.filters(late=max(first - start, Fraction(0))) if retiming else ()),
        ("aformat", f"sample_fmts={codec.format.name}:sample_rates={codec.rate}:channel_layouts={codec.layout.name}"),
        ("asetnsamples", "n=1024:p=0"),
    ]
    filters = [graph.add(name, arguments) for name, arguments in steps]
    graph.link_nodes(source, *filters, graph.add("abuffersink")).configure()
    return graph


def _encode(frames: Iterable[AudioFrame], graph: Graph, codec: AudioCodecContext) -> Iterator[AnyPacket]:
    """What comes of the frames once they went through the graph."""
    for frame in chain(_alike(frames), [None]):
        with suppress(av.EOFError):  # the graph has let all pass that was asked for
            graph.push(frame)
        with suppress(av.BlockingIOError, av.EOFError):
            while True:
                yield from codec.encode(cast(AudioFrame, graph.pull()))
    yield from codec.encode(None)
