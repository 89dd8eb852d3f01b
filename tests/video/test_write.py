"""Writing: the same pictures at the same times, with the same sound, or nothing at all."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from choreograft.errors import OptionError, OutputError, VideoError
from choreograft.video.read import probe, read_frames
from choreograft.video.size import Size
from choreograft.video.sound import Retiming
from choreograft.video.write import VideoWriter, check_output

NTSC = Fraction(30_000, 1001)
SIZE = Size(64, 48)


def carry_over(source: Path, output: Path, limit: int | None = None, retiming: Retiming | None = None) -> Path:
    """Rewrite a clip as a render does: every frame at its own time, with the sound."""
    info = probe(source)
    with VideoWriter(output, info.size, info.rate, source, info.time_base, retiming=retiming) as writer:
        for frame in read_frames(source):
            if limit is not None and frame.index >= limit:
                break
            writer.write(frame.image, frame.time, frame.duration)
    return output


def write_all(path: Path, images: list, rate: Fraction = Fraction(25)) -> Path:
    """Write silent pictures, evenly spaced."""
    height, width = images[0].shape[:2]
    with VideoWriter(path, Size(width, height), rate) as writer:
        for index, image in enumerate(images):
            writer.write(image, index / rate)
    return path


def find_sound(path: Path) -> tuple[float, float, str]:
    """When the sound becomes audible and when it ends, s on the clock of the first picture; and its codec."""
    with av.open(str(path)) as container:
        start = next(container.decode(video=0)).time
    with av.open(str(path)) as container:
        times, levels = [], []
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray().astype(np.float64)
            level = np.abs(samples).max(0) if frame.format.is_planar else np.abs(samples[0])
            levels.append(level / (1 if frame.format.name.startswith("flt") else 32_768))
            times.append(frame.time + np.arange(len(level)) / frame.sample_rate)
        codec = container.streams.audio[0].codec_context.codec.canonical_name
    time, level = np.concatenate(times) - start, np.concatenate(levels)
    return float(time[level > 0.1][0]), float(time[-1]), codec


def test_a_constant_rate_stays_exact(tmp_path, numbers, read_number):
    path = write_all(tmp_path / "out.mp4", numbers, NTSC)
    frames = list(read_frames(path))
    assert [frame.time for frame in frames] == [index / NTSC for index in range(50)]
    assert [read_number(frame.image) for frame in frames] == list(range(50))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.base_rate == stream.average_rate == NTSC
        assert stream.duration * stream.time_base == 50 / NTSC


def test_uneven_times_and_the_last_frames_stay_are_kept(make_clip, numbers, tmp_path):
    ticks = np.cumsum(np.random.default_rng(1).integers(1, 2000, 50))
    times = [Fraction(int(tick - ticks[0]), 12_288) for tick in ticks]
    source = make_clip("uneven.mp4", numbers, times=times, time_base=Fraction(1, 12_288))
    output = carry_over(source, tmp_path / "out.mp4")
    assert [frame.time for frame in read_frames(output)] == times
    assert probe(output).duration_s == pytest.approx(probe(source).duration_s, abs=1e-3)
    with VideoWriter(tmp_path / "long.mp4", SIZE, Fraction(25)) as writer:
        writer.write(numbers[0], Fraction(0))
        writer.write(numbers[1], Fraction(1, 25), duration=Fraction(2))
    assert probe(tmp_path / "long.mp4").duration_s == pytest.approx(2.04, abs=1e-3)


def test_colours_survive_and_are_tagged_bt709_limited(tmp_path, paint_patches, patch_colours):
    painted = paint_patches(96, 64)
    path = write_all(tmp_path / "out.mp4", [painted] * 3)
    image = next(read_frames(path)).image
    assert np.abs(patch_colours(image) - patch_colours(painted)).max() <= 4
    with av.open(str(path)) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")
        assert (codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range) == (1, 1, 1, 1)


def test_an_odd_size_is_padded_by_repeating_the_edge(tmp_path, paint_patches):
    painted = paint_patches(97, 63)
    path = write_all(tmp_path / "out.mp4", [painted])
    image = next(read_frames(path)).image
    assert image.shape == (64, 98, 3)
    assert np.abs(image[:, 97].astype(int) - image[:, 95]).mean() < 8
    assert np.abs(image[:63, :97].astype(int) - painted).mean() < 6


def test_the_index_comes_first_so_that_playing_can_start_at_once(tmp_path, numbers):
    content = write_all(tmp_path / "out.mp4", numbers[:1]).read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_a_source_without_sound_gives_a_result_without_a_sound_stream(make_clip, numbers, tmp_path):
    output = carry_over(make_clip("silent.mp4", numbers), tmp_path / "out.mp4")
    with av.open(str(output)) as container:
        assert not container.streams.audio


@pytest.mark.parametrize("retiming", [None, Retiming(Fraction(1), Fraction(1))])
def test_a_folder_of_pictures_gives_a_silent_result_with_its_frames(make_folder, numbers, tmp_path, retiming):
    source = make_folder("frames", numbers[:12])
    output = carry_over(source, tmp_path / "out.mp4", retiming=retiming)
    assert [frame.time for frame in read_frames(output)] == [Fraction(index, 25) for index in range(12)]
    with av.open(str(output)) as container:
        assert not container.streams.audio
        assert container.streams.video[0].duration * container.streams.video[0].time_base == Fraction(12, 25)


@pytest.mark.parametrize(
    ("source", "codec", "output", "expected"),
    [
        ("clip.mp4", "aac", "out.mp4", "aac"),
        ("clip.ts", "aac", "out.mp4", "aac"),
        ("clip.mkv", "libmp3lame", "out.mp4", "mp3"),
        ("clip.mkv", "ac3", "out.mp4", "ac3"),
        ("clip.mkv", "pcm_s16le", "out.mp4", "aac"),
        ("clip.mkv", "pcm_s16le", "out.mov", "pcm_s16le"),
        ("clip.mkv", "flac", "out.mov", "aac"),
        ("clip.avi", "libmp3lame", "out.m4v", "mp3"),
    ],
)
def test_sound_is_copied_where_the_result_can_hold_it(make_clip, numbers, tmp_path, source, codec, output, expected):
    path = make_clip(source, numbers, time_base=Fraction(1, 25), tone={"codec": codec})
    carried = carry_over(path, tmp_path / output)
    onset_s, end_s, found = find_sound(carried)
    source_onset_s, source_end_s, _ = find_sound(path)
    assert found == expected
    assert onset_s == pytest.approx(source_onset_s, abs=0.005)
    assert end_s == pytest.approx(source_end_s, abs=0.05)


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
@pytest.mark.parametrize(("picture_start_s", "sound_start_s"), [(1, 0), (0, 1), (2, 2), (1, 1.5)])
def test_sound_stays_in_step_whatever_starts_first(make_clip, numbers, tmp_path, codec, picture_start_s, sound_start_s):
    tone = {"codec": codec, "begin_s": sound_start_s, "onset_s": sound_start_s + 1.2, "end_s": sound_start_s + 2.5}
    times = [picture_start_s + Fraction(index, 25) for index in range(50)]
    source = make_clip("offset.mkv", numbers, times=times, time_base=Fraction(1, 1000), tone=tone)
    onset_s, end_s, _ = find_sound(carry_over(source, tmp_path / "out.mp4"))
    assert onset_s == pytest.approx(tone["onset_s"] - picture_start_s, abs=0.005)
    assert end_s == pytest.approx(tone["end_s"] - picture_start_s, abs=0.05)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.start_time == 0


def test_encoded_sound_fills_gaps_instead_of_closing_them(make_clip, numbers, tmp_path):
    source = make_clip("gap.mkv", numbers, tone={"codec": "pcm_s16le", "rate": 48_000, "onset_s": 1.5})
    holed = tmp_path / "holed.mkv"
    with av.open(str(source)) as whole, av.open(str(holed), "w") as copy:
        streams = [copy.add_stream_from_template(stream, opaque=True) for stream in whole.streams]
        for packet in whole.demux():
            if packet.dts is None or (packet.stream.index == 1 and 0.5 < packet.pts * packet.time_base < 1):
                continue
            packet.stream = streams[packet.stream.index]
            copy.mux(packet)
    onset_s, end_s, _ = find_sound(carry_over(holed, tmp_path / "out.mp4"))
    assert onset_s == pytest.approx(1.5, abs=0.01)
    assert end_s == pytest.approx(2.0, abs=0.05)


def test_sound_outlasts_the_pictures_only_where_all_of_them_were_written(make_clip, numbers, tmp_path):
    source = make_clip("music.mp4", numbers, tone={"end_s": 4.0})
    assert find_sound(carry_over(source, tmp_path / "whole.mp4"))[1] == pytest.approx(4.0, abs=0.05)
    assert find_sound(carry_over(source, tmp_path / "part.mp4", limit=25))[1] == pytest.approx(1.0, abs=0.05)


def test_nothing_is_left_behind_after_a_failure(tmp_path, numbers):
    path = tmp_path / "out.mp4"
    path.write_text("the result of yesterday")
    with pytest.raises(ValueError, match="expected uint8 RGB"):
        write_all(path, [numbers[0], numbers[1][:10]])
    with pytest.raises(OutputError, match="no frame was written"), VideoWriter(path, SIZE, Fraction(25)):
        pass
    missing = VideoWriter(path, SIZE, Fraction(25), sound_from=tmp_path / "missing.mp4")
    with pytest.raises(VideoError, match="no such file"), missing:
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.mp4"]
    assert path.read_text() == "the result of yesterday"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_clear_sentence(tmp_path, numbers, monkeypatch):
    opened = av.open

    def open_full(name, *mode, **more):
        return opened("file:/dev/full", *mode, **more)

    monkeypatch.setattr(av, "open", open_full)
    with pytest.raises(OutputError, match=r"cannot write .*: No space left on device") as caught:
        write_all(tmp_path / "out.mp4", numbers * 40)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_wrong_pictures_and_times_are_the_callers_mistake(tmp_path, numbers):
    with VideoWriter(tmp_path / "out.mp4", SIZE, Fraction(25)) as writer:
        writer.write(numbers[0], Fraction(0))
        with pytest.raises(ValueError, match="expected uint8 RGB of 64x48"):
            writer.write(numbers[0][:10], Fraction(1, 25))
        with pytest.raises(ValueError, match="expected times from 0 on that increase"):
            writer.write(numbers[0], Fraction(0))


def test_an_output_that_is_an_input_is_refused_under_any_name(tmp_path, make_clip, numbers):
    source = make_clip("source.mp4", numbers[:2])
    link, twin = tmp_path / "link.mp4", tmp_path / "twin.mp4"
    link.symlink_to(source)
    os.link(source, twin)
    for output in (source, link, twin, tmp_path / "x" / ".." / "source.mp4"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(OptionError, match=r"is the input .*; choose another name"):
            check_output(output, [tmp_path / "other.mp4", source], overwrite=True)


def test_existing_and_unsuitable_outputs_are_refused_before_any_work(tmp_path):
    existing = tmp_path / "existing.mp4"
    existing.write_text("precious")
    with pytest.raises(OutputError, match=r"exists already.*--overwrite"):
        check_output(existing, [], overwrite=False)
    check_output(existing, [], overwrite=True)
    check_output(tmp_path / "new" / "OUT.MP4", [], overwrite=False)
    assert existing.read_text() == "precious"
    for name in ("out.avi", "out", "out.mkv"):
        with pytest.raises(OptionError, match=r"\.m4v or \.mov or \.mp4"):
            check_output(tmp_path / name, [], overwrite=True)
    check_output(tmp_path / "track.npz", [], overwrite=False, suffixes=(".npz",))
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        check_output(tmp_path / "folder.mp4", [], overwrite=True)
    with pytest.raises(OutputError, match=r"cannot write .*; choose a folder that you may write to"):
        check_output(existing / "out.mp4", [], overwrite=True)
