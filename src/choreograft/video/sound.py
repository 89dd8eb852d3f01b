"""The source's sound in the result: packets copied where the result's format takes them, encoded anew where not.

Pictures of a result start at 0, so the sound is shifted by the time of the source's first picture. Sound from before it
is cut, sound that starts later stays later.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.video.stream import VideoStream

from choreograft.video.decode import AnyPacket, ReadReport, open_video, shown_pictures

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

    Close it, also on failure. `present` tells whether the source has sound at all.
    """

    def __init__(self, source: Path, output: OutputContainer, suffix: str) -> None:
        self._source = source
        self._files = ExitStack()
        self._pending: AnyPacket | None = None
        self._packets: Iterator[AnyPacket] = iter(())
        with open_video(source) as (container, pictures):
            self._start = next(shown_pictures(source, container, pictures, ReadReport())).time
            self.present = any(stream.codec_context is not None for stream in container.streams.audio)
        if self.present:
            self._packets = self._open_packets(source, output, suffix)

    def advance(self, until: Fraction | None) -> Iterator[AnyPacket]:
        """Packets for the result that begin before `until` s (None: all that are left), each once."""
        while True:
            packet = self._pending or next(self._packets, None)
            self._pending = packet
            if packet is None or (until is not None and (packet.pts or 0) * packet.time_base >= until):
                return
            self._pending = None
            yield packet

    def end(self, written_until: Fraction, slack: Fraction) -> Fraction | None:
        """Where the sound has to stop, s, once all pictures are written; None where it runs on to its own end.

        As in the source it may outlast the pictures, unless only a part of the source's pictures was written.
        """
        complete = not self.present or written_until >= _pictures_end(self._source) - self._start - slack
        return None if complete else written_until

    def close(self) -> None:
        """Close the source."""
        self._files.close()

    def _open_packets(self, source: Path, output: OutputContainer, suffix: str) -> Iterator[AnyPacket]:
        container, _ = self._files.enter_context(open_video(source))
        stream = next(s for s in container.streams.audio if s.codec_context is not None)
        if _is_copied(stream, suffix):
            copy = output.add_stream_from_template(stream)
            return _copied_packets(container, stream, copy, self._start)
        rate = stream.rate if stream.rate in ENCODED_RATES else 48_000
        layout = stream.layout.name if stream.layout.name in ENCODED_LAYOUTS else "stereo"
        encoded = output.add_stream("aac", rate=rate, layout=layout, bit_rate=ENCODED_BIT_RATE)
        return _encoded_packets(container, stream, encoded, self._start)


def _pictures_end(source: Path) -> Fraction:
    """When the last picture ends on the file's own clock, s; from the packets, as few formats declare it."""
    with open_video(source) as (container, pictures):
        time_base = Fraction(pictures.time_base or 0)
        packets = _readable_packets(container, pictures)
        return max(
            (((p.pts or 0) + (p.duration or 0)) * time_base for p in packets if not p.is_discard), default=Fraction(0)
        )


def _is_copied(stream: AudioStream, suffix: str) -> bool:
    codec = stream.codec_context.codec.canonical_name
    return codec in COPIED[suffix] and not (codec == "mp3" and stream.rate < MIN_MP3_HZ)


def _copied_packets(
    container: InputContainer, stream: AudioStream, copy: AudioStream, start: Fraction
) -> Iterator[AnyPacket]:
    time_base = Fraction(stream.time_base or Fraction(1, stream.rate))
    shift = round(start / time_base)
    last: int | None = None
    for packet in _readable_packets(container, stream):
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
    container: InputContainer, stream: AudioStream, encoded: AudioStream, start: Fraction
) -> Iterator[AnyPacket]:
    codec = encoded.codec_context
    shift = round(start * codec.rate)
    graph: Graph | None = None
    for packet in _readable_packets(container, stream):
        for frame in _decode(stream, packet):
            graph = graph or _conditioning(frame, codec, start)
            graph.push(frame)
            yield from _shifted(_encode_ready(graph, codec), encoded, shift)
    if graph is not None:
        graph.push(None)
        yield from _shifted(_encode_ready(graph, codec), encoded, shift)
        yield from _shifted(codec.encode(None), encoded, shift)


def _decode(stream: AudioStream, packet: AnyPacket) -> list[AudioFrame]:
    try:
        return stream.codec_context.decode(packet)
    except av.FFmpegError:
        return []  # a damaged packet is a moment of silence, not the end of the work


def _conditioning(frame: AudioFrame, codec: AudioCodecContext, start: Fraction) -> Graph:
    """A filter graph from the source's samples to the encoder's: gaps filled, begun at `start`, its rate and layout."""
    graph = Graph()
    source = graph.add_abuffer(
        sample_rate=frame.sample_rate, format=frame.format.name, layout=frame.layout.name, time_base=frame.time_base
    )
    steps = [
        graph.add("aresample", f"{codec.rate}:async=1:min_hard_comp={MAX_ENCODED_DRIFT_S}"),
        graph.add("atrim", f"start={float(start):.6f}"),
        graph.add(
            "aformat", f"sample_fmts={codec.format.name}:sample_rates={codec.rate}:channel_layouts={codec.layout.name}"
        ),
        graph.add("asetnsamples", "n=1024:p=0"),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(source, *steps).configure()
    return graph


def _encode_ready(graph: Graph, codec: AudioCodecContext) -> Iterator[AnyPacket]:
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        yield from codec.encode(cast(AudioFrame, frame))


def _shifted(packets: Iterable[AnyPacket], stream: AudioStream, shift: int) -> Iterator[AnyPacket]:
    for packet in packets:
        if packet.pts is not None and packet.dts is not None:
            packet.pts -= shift
            packet.dts -= shift
        packet.stream = stream
        yield packet


def _readable_packets(container: InputContainer, stream: AudioStream | VideoStream) -> Iterator[AnyPacket]:
    """The stream's packets up to the first place that cannot be read at all."""
    try:
        yield from container.demux(stream)
    except av.FFmpegError:
        return
