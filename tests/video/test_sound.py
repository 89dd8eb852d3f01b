"""Sound that is unusual: it is carried all the same, or left out with a word, and never costs the result."""

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame

from choreograft import pipeline
from choreograft.cli import main
from choreograft.errors import PersonError
from choreograft.video.clock import Stamp, split_recordings
from choreograft.video.read import probe, read_frames
from choreograft.video.size import Size
from choreograft.video.sound import Retiming, count_channels, follow_pictures, read_numbers
from choreograft.video.sound_trial import main as carry_to_nowhere
from choreograft.video.sound_trial import try_sound
from choreograft.video.write import VideoWriter

HZ = 32_000
LEVELS = (0.5, 0.25, 0.1, 0.05)
"""Amplitudes of the channels of a tape."""


def play(levels: Sequence[float], seconds: float = 1.0, hz: int = HZ, from_s: float = 0.0) -> np.ndarray:
    """(C, N) a tone of 400 Hz at a level of its own on each channel, from some time on."""
    time_s = np.arange(round(seconds * hz)) / hz
    return np.outer(levels, np.sin(800 * np.pi * time_s) * (time_s >= from_s)).astype(np.float32)


def film(path: Path, *sounds: tuple[str, str, np.ndarray, int]) -> Path:
    """A second of grey pictures with streams of sound: codec, layout, (C, N) samples, Hz; all s16."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=25, width=64, height=48, pix_fmt="yuv420p", options={"bf": "0"})
        streams = [container.add_stream(codec, rate=hz, layout=layout) for codec, layout, _, hz in sounds]
        packets = []
        for number in range(25):
            frame = VideoFrame.from_ndarray(np.full((48, 64, 3), 20 + number, np.uint8), format="rgb24")
            frame.pts = number
            packets += pictures.encode(frame)
        packets += pictures.encode(None)
        for stream, (_, layout, samples, hz) in zip(streams, sounds, strict=True):
            turns = np.ascontiguousarray((samples * 32_767).astype(np.int16).T).reshape(1, -1)
            frame = AudioFrame.from_ndarray(turns, format="s16", layout=layout)
            frame.sample_rate, frame.pts = hz, 0
            packets += [*stream.encode(frame), *stream.encode(None)]
        container.mux(sorted(packets, key=lambda packet: packet.dts * packet.time_base))
    return path


def label_channels(path: Path, box: bytes) -> Path:
    """Put a box, or nothing, in place of that which says what the channels of a MOV are."""
    data = path.read_bytes()
    start = data.rindex(b"chan") - 4
    (size,) = struct.unpack_from(">I", data, start)
    edited = bytearray(data)
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"sowt"):
        parent = data.rindex(name, 0, start) - 4
        struct.pack_into(">I", edited, parent, struct.unpack_from(">I", data, parent)[0] + len(box) - size)
    edited[start : start + size] = box
    path.write_bytes(edited)
    return path


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """As of a camcorder: four channels of PCM, each with the label "unused" (0)."""
    path = film(tmp_path / "tape.mov", ("pcm_s16le", "4.0", play(LEVELS), HZ))
    labels = bytes(4) + struct.pack(">III", 0, 0, 4) + 4 * struct.pack(">II3f", 0, 0, 0, 0, 0)
    return label_channels(path, struct.pack(">I4s", 8 + len(labels), b"chan") + labels)


def carry_over(source: Path, output: Path, retiming: Retiming | None = None) -> Path:
    info = probe(source)
    with VideoWriter(output, info.size, info.rate, source, info.time_base, retiming=retiming) as writer:
        for frame in read_frames(source):
            writer.write(frame.image, frame.time, frame.duration)
    assert sum(1 for _ in read_frames(output)) == 25
    return output


def hear(path: Path) -> tuple[np.ndarray, int]:
    """(C, N) samples of a video's only sound, and their rate."""
    with av.open(str(path)) as container:
        assert len(container.streams.audio) == 1
        frames = list(container.decode(audio=0))
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1), frames[0].sample_rate


def measure_levels(samples: np.ndarray) -> np.ndarray:
    """(C,) amplitude of the tone that fills the middle of (C, N) samples."""
    middle = samples[:, samples.shape[1] // 3 : -samples.shape[1] // 3]
    return np.sqrt(2) * middle.std(axis=1)


@pytest.mark.parametrize("retiming", [None, Retiming(Fraction(1, 2), Fraction(2))], ids=["as filmed", "slower"])
def test_channels_that_nobody_can_name_never_end_the_program(tape, tmp_path, retiming):
    samples, _ = hear(carry_over(tape, tmp_path / "out.mp4", retiming))
    np.testing.assert_allclose(measure_levels(samples), LEVELS[:2], rtol=0.03)
    note = try_sound(tape, ".mp4", retiming).note
    assert note.startswith("tape.mov: its sound does not say what its channels are; ")
    assert "\n" not in note


def test_channels_that_nobody_can_name_are_copied_where_the_result_takes_them(tape, tmp_path):
    def packets(path: Path) -> bytes:
        with av.open(str(path)) as container:
            return b"".join(bytes(packet) for packet in container.demux(audio=0))

    assert try_sound(tape, ".mov").note is None
    assert packets(carry_over(tape, tmp_path / "out.mov")) == packets(tape)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_channels_without_labels_are_carried(tmp_path, suffix):
    path = label_channels(film(tmp_path / "recorder.mov", ("pcm_s16le", "4.0", play(LEVELS), HZ)), b"")
    assert try_sound(path, suffix).note is None
    samples, rate = hear(carry_over(path, tmp_path / f"out{suffix}"))
    assert rate == HZ
    assert measure_levels(samples if suffix == ".mp4" else samples.reshape(-1, 4).T / 32_768)[0] > 0.4


def find_onsets(path: Path) -> tuple[list[float], list[float]]:
    """When a video turns white after black, and when it sounds after silence, s."""
    images = list(read_frames(path))
    white = [image.image.mean() > 127 for image in images]
    flashes = [image.time_s for image, before, now in zip(images[1:], white, white[1:], strict=False) if now > before]
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    time_s = np.concatenate([float(f.pts * f.time_base) + np.arange(f.samples) / f.sample_rate for f in frames])
    loud = time_s[np.abs(np.concatenate([frame.to_ndarray()[0] for frame in frames])) > 0.1]
    return flashes, loud[np.diff(loud, prepend=-1) > 0.3].tolist()


@pytest.mark.parametrize("tempo", [1, 2])
@pytest.mark.parametrize("codec", ["aac", "mp2"])
@pytest.mark.parametrize("starts_s", [(0, 0, 0), (0, 1200, 0)])
def test_the_sound_of_joined_recordings_stays_with_their_pictures(make_clip, tmp_path, starts_s, codec, tempo):
    pictures, parts = [np.full((48, 64, 3), 255 * (n >= 25), np.uint8) for n in range(75)], []
    for n, start_s in enumerate(starts_s):
        tone = {"begin_s": start_s, "onset_s": start_s + 1, "end_s": start_s + 3.1, "codec": codec, "rate": 48_000}
        times = [start_s + Fraction(k, 25) for k in range(75)]
        parts.append(make_clip(f"{n}.ts", pictures, times=times, tone=tone, options={"bf": "2"}).read_bytes())
    source = tmp_path / "joined.ts"
    source.write_bytes(b"".join(parts))
    retiming = None if tempo == 1 else Retiming(Fraction(tempo), Fraction(9, tempo))
    with VideoWriter(tmp_path / "out.mp4", Size(64, 48), Fraction(25), source, retiming=retiming) as writer:
        for frame in read_frames(source):
            writer.write(frame.image, frame.time / tempo)
    flashes, onsets = find_onsets(tmp_path / "out.mp4")
    assert flashes == pytest.approx([1 / tempo, 4 / tempo, 7 / tempo], abs=1e-3)
    assert onsets == pytest.approx(flashes, abs=0.03)


def test_of_a_sound_whose_clock_is_damaged_what_fits_no_pictures_is_left_out():
    step = Fraction(1, 25)
    recordings = split_recordings([Stamp(n * step, None, step, 10 * n) for n in range(100)], step)
    packets = []
    for time in (0, 1000, 90_000_000, 2000):  # ticks of a millisecond: a damaged one among them
        packet = Packet(1)
        packet.pts = packet.dts = time
        packet.time_base = Fraction(1, 1000)
        packets.append(packet)
    assert [packet.pts for packet in follow_pictures(packets, recordings)] == [0, 1000, 2000]


def test_the_track_that_players_play_is_taken(tmp_path):
    loud, quiet = (("pcm_s16le", "mono", play([level]), HZ) for level in (0.5, 0.1))
    first = film(tmp_path / "first.mkv", loud, quiet)
    assert measure_levels(hear(carry_over(first, tmp_path / "first.mp4"))[0])[0] == pytest.approx(0.5, rel=0.03)
    second = tmp_path / "second.mkv"
    with av.open(str(first)) as whole, av.open(str(second), "w") as copy:
        streams = [copy.add_stream_from_template(stream, opaque=True) for stream in whole.streams]
        streams[1].disposition = 0
        streams[2].disposition = Disposition.default
        for packet in whole.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                copy.mux(packet)
    assert measure_levels(hear(carry_over(second, tmp_path / "second.mp4"))[0])[0] == pytest.approx(0.1, rel=0.03)


def test_a_sound_that_changes_its_format_on_the_way_goes_on(tmp_path):
    """As a recorded broadcast does: half a second of mono at 48 kHz, silence, then stereo at 44.1."""
    parts = [
        film(tmp_path / "mono.ts", ("mp2", "mono", play([0.5], 0.5, 48_000), 48_000)),
        film(tmp_path / "stereo.ts", ("mp2", "stereo", play([0.4, 0.4], 1.5, 44_100, from_s=0.5), 44_100)),
    ]
    joined = tmp_path / "joined.mkv"
    with av.open(str(parts[0])) as mono, av.open(str(parts[1])) as stereo, av.open(str(joined), "w") as copy:
        streams = [copy.add_stream_from_template(stream, opaque=True) for stream in mono.streams]
        begun = min(packet.pts for packet in mono.demux() if packet.dts is not None)
        mono.seek(0)
        for container, late, wanted in ((mono, 0, (0, 1)), (stereo, 45_000, (1,))):
            for packet in container.demux():
                if packet.dts is not None and packet.stream.index in wanted:
                    index = packet.stream.index
                    packet.pts += late - begun
                    packet.dts += late - begun
                    packet.stream = streams[index]
                    copy.mux(packet)
    assert try_sound(joined, ".mp4").note is None
    samples, rate = hear(carry_over(joined, tmp_path / "out.mp4"))
    time_s, level = np.arange(samples.shape[1]) / rate, np.abs(samples).max(axis=0)
    quiet = (time_s > 0.6) & (time_s < 0.95)
    assert level[quiet].max() < 0.05
    assert level[(time_s > 0.1) & (time_s < 0.4)].max() == pytest.approx(0.5, rel=0.1)
    assert level[(time_s > 1.1) & (time_s < 1.9)].max() == pytest.approx(0.4, rel=0.1)


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A video whose sound calls itself MP2 and is not."""
    whole, path = film(tmp_path / "whole.mkv", ("mp2", "mono", play([0.5]), HZ)), tmp_path / "noise.mkv"
    with av.open(str(whole)) as container, av.open(str(path), "w") as copy:
        streams = [copy.add_stream_from_template(stream, opaque=True) for stream in container.streams]
        for packet in container.demux():
            if packet.dts is None:
                continue
            sent = packet
            if packet.stream.index == 1:
                sent = Packet(bytes(packet.size))
                sent.pts, sent.dts, sent.time_base = packet.pts, packet.dts, packet.time_base
            sent.stream = streams[packet.stream.index]
            copy.mux(sent)
    return path


def test_a_sound_that_cannot_be_read_is_left_out_and_the_video_kept(noise, tmp_path):
    output = carry_over(noise, tmp_path / "out.mp4")
    with av.open(str(output)) as container:
        assert not container.streams.audio
    trial = try_sound(noise, ".mp4")
    assert not trial.carried
    assert trial.note.startswith("noise.mkv: its sound is left out: found nothing in it that decodes; ")


def test_what_becomes_of_the_sound_is_said_before_any_work(noise, tmp_path, monkeypatch, capsys):
    def stop(*_: object) -> None:
        raise PersonError("tracking began")

    monkeypatch.setattr(pipeline, "read_clip", stop)
    options = ["-o", str(tmp_path / "out.mp4"), "--preset", "preview", "--runs", str(tmp_path / "runs")]
    for more in ([], ["--preview-retarget"]):
        with pytest.raises(SystemExit):
            main(["dance", str(noise), "--as", str(noise), *options, *more])
        note, error = capsys.readouterr().err.splitlines()[-2:]
        assert note.startswith("NOTE: noise.mkv: its sound is left out: ")
        assert error == "choreograft: error: tracking began"


def test_a_sound_is_tried_as_a_whole_and_once(tape, monkeypatch):
    asked: list[Sequence[str]] = []
    run: Callable[..., str | None] = carry_to_nowhere
    assert run(["first channels", str(tape), ".mp4"]) is None
    assert "linear PCM" in run(
        ["first channels", str(film(tape.with_name("aac.ts"), ("mp2", "mono", play([0.5]), HZ))), ".mp4"]
    )
    monkeypatch.setattr("choreograft.video.sound_trial._run", lambda *words: asked.append(words))
    tape.write_bytes(tape.read_bytes() + struct.pack(">I4s", 8, b"free"))  # another file than any other test's
    for _ in range(2):
        assert try_sound(tape, ".mp4").carried
    assert asked == [("as it is", str(tape), ".mp4")]


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("bits", [16, 24, 32])
def test_whole_numbers_of_pcm_are_read_in_every_size_and_order(bits, order):
    values = [0, 1, -1, 12_345, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1]
    data = b"".join(value.to_bytes(bits // 8, order, signed=True) for value in values)
    numbers = read_numbers(f"pcm_s{bits}{order[0]}e", data + b"\0")
    np.testing.assert_allclose(numbers, [value / 2 ** (bits - 1) for value in values], rtol=1e-6)


def test_bytes_and_floats_of_pcm_are_read():
    np.testing.assert_array_equal(read_numbers("pcm_u8", bytes([0, 128, 192])), [-1, 0, 0.5])
    np.testing.assert_array_equal(read_numbers("pcm_s8", bytes([0x80, 0, 0x40])), [-1, 0, 0.5])
    for codec, form in (("pcm_f32be", ">3f"), ("pcm_f32le", "<3f"), ("pcm_f64le", "<3d")):
        np.testing.assert_array_equal(read_numbers(codec, struct.pack(form, -1, 0.25, 0.5)), [-1, 0.25, 0.5])
    with pytest.raises(ValueError, match="found pcm_alaw; expected linear PCM"):
        read_numbers("pcm_alaw", b"\0\0")


def test_packets_that_hold_no_whole_channels_are_refused():
    assert count_channels(4096, Fraction(1024)) == 4
    for numbers, samples in ((4096, 0), (4096, 1000), (10, 1024)):
        with pytest.raises(ValueError, match="expected whole channels"):
            count_channels(numbers, Fraction(samples))
