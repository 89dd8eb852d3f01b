"""Reading: what a player would show, at the times it would show it, and one clear sentence where that is impossible."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from choreograft.errors import VideoError
from choreograft.video.read import count_frames, probe, read_frames

NTSC = Fraction(30_000, 1001)


def read_all(path: Path):
    return list(read_frames(path))


def flip_bytes(path: Path, start: float, stop: float) -> Path:
    """Overwrite a share of the file with noise."""
    content = bytearray(path.read_bytes())
    span = slice(int(len(content) * start), int(len(content) * stop))
    content[span] = np.random.default_rng(0).bytes(len(content[span]))
    path.write_bytes(content)
    return path


def test_a_constant_ntsc_rate_stays_a_fraction_and_times_are_exact(make_clip, numbers, read_number):
    path = make_clip("ntsc.mp4", numbers, rate=NTSC)
    info = probe(path)
    frames = read_all(path)
    assert (info.rate, info.size, info.frames, info.has_sound) == (NTSC, (64, 48), 50, False)
    assert info.duration_s == pytest.approx(50 / NTSC, abs=1e-3)
    assert [frame.time for frame in frames] == [index / NTSC for index in range(50)]
    assert [frame.index for frame in frames] == [read_number(frame.image) for frame in frames] == list(range(50))
    assert frames[-1].duration == 1 / NTSC


def test_uneven_times_survive_and_the_rate_is_their_average(make_clip, numbers, read_number):
    ticks = np.cumsum(np.random.default_rng(1).integers(1, 5, 50))
    times = [Fraction(int(tick - ticks[0]), 100) for tick in ticks]
    path = make_clip("uneven.mp4", numbers, times=times, rate=Fraction(40))
    frames = read_all(path)
    assert [frame.time for frame in frames] == times
    assert [read_number(frame.image) for frame in frames] == list(range(50))
    assert float(probe(path).rate) == pytest.approx(49 / float(times[-1]), rel=0.03)


def test_120_frames_a_second_are_all_there(make_clip, numbers):
    path = make_clip("fast.mp4", numbers, rate=Fraction(120))
    assert probe(path).rate == 120
    assert [frame.time for frame in read_all(path)] == [Fraction(index, 120) for index in range(50)]


def test_b_frames_come_in_showing_order(make_clip, numbers, read_number):
    path = make_clip("b.mp4", numbers, options={"bf": "3", "preset": "medium", "b-adapt": "0"})
    assert [read_number(frame.image) for frame in read_all(path)] == list(range(50))


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".ts", ".mov"])
def test_other_containers_show_the_same_frames(make_clip, numbers, read_number, suffix):
    frames = read_all(make_clip(f"clip{suffix}", numbers[:30], time_base=Fraction(1, 25)))
    assert [read_number(frame.image) for frame in frames] == list(range(30))
    assert [frame.time_s for frame in frames] == pytest.approx([index / 25 for index in range(30)], abs=1e-3)


def test_frames_hidden_by_an_edit_list_are_not_shown(make_clip, numbers, read_number):
    times = [Fraction(index - 10, 25) for index in range(50)]
    path = make_clip("edited.mp4", numbers, times=times)
    frames = read_all(path)
    assert [read_number(frame.image) for frame in frames] == list(range(10, 50))
    assert frames[0].time == 0


def test_frames_are_counted_as_they_are_shown(make_clip, numbers, tmp_path):
    times = [Fraction(index - 10, 25) for index in range(50)]
    assert count_frames(make_clip("edited.mp4", numbers, times=times)) == 40
    assert count_frames(make_clip("plain.mkv", numbers)) == 50
    fragments = {"movflags": "frag_keyframe+empty_moov"}
    assert count_frames(make_clip("live.mp4", numbers, container_options=fragments)) == 50
    (tmp_path / "pictures").mkdir()
    for index in range(3):
        cv2.imwrite(str(tmp_path / "pictures" / f"{index}.png"), numbers[index])
    assert count_frames(tmp_path / "pictures") == 3


def test_a_late_start_is_time_zero(make_clip, numbers):
    path = make_clip("late.mp4", numbers, times=[Fraction(index + 30, 25) for index in range(50)])
    assert [frame.time for frame in read_all(path)] == [Fraction(index, 25) for index in range(50)]


@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_rotation_and_mirroring_are_applied(make_clip, paint_patches, patch_colours, rotation, mirrored):
    upright = paint_patches(96, 64)
    stored = upright if rotation == 180 else paint_patches(64, 96)
    path = make_clip("turned.mp4", [stored] * 3, look={"rotation": rotation, "mirrored": mirrored})
    image = next(read_frames(path)).image
    # the angle is counterclockwise, like numpy's; a mirrored picture is turned before it is flipped
    turned = np.rot90(stored, rotation // 90)
    expected = turned[:, ::-1] if mirrored else turned
    assert probe(path).size == (image.shape[1], image.shape[0])
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 6
    assert image.flags.c_contiguous


@pytest.mark.parametrize(
    "look",
    [
        {"matrix": "709"},
        {"matrix": "601"},
        {"matrix": "709", "full_range": True},
        {"matrix": "601", "full_range": True},
        {"matrix": "601", "tagged": False},
        {"matrix": "709", "pix_fmt": "yuv420p10le"},
        {"matrix": "601", "pix_fmt": "yuv444p"},
    ],
)
def test_colours_return_by_the_streams_tags(make_clip, paint_patches, patch_colours, look):
    painted = paint_patches(96, 64)
    image = next(read_frames(make_clip("colours.mp4", [painted] * 2, look=look))).image
    assert np.abs(patch_colours(image) - patch_colours(painted)).max() <= 2.5


def test_untagged_high_definition_is_bt709(make_clip, paint_patches, patch_colours):
    painted = paint_patches(1280, 720)
    image = next(read_frames(make_clip("hd.mp4", [painted], look={"matrix": "709", "tagged": False}))).image
    assert np.abs(patch_colours(image) - patch_colours(painted)).max() <= 2.5


def test_odd_sizes_are_read_whole(make_clip, paint_patches, patch_colours):
    painted = paint_patches(97, 63)
    path = make_clip("odd.mp4", [painted] * 2, look={"pix_fmt": "yuv444p"})
    image = next(read_frames(path)).image
    assert image.shape == (63, 97, 3)
    assert np.abs(image.astype(int) - painted).mean() < 3


@pytest.mark.parametrize(
    ("aspect", "size"), [(Fraction(4, 3), (128, 64)), (Fraction(1, 2), (96, 128)), (Fraction(1), (96, 64))]
)
def test_pixels_become_square_without_losing_detail(make_clip, paint_patches, patch_colours, aspect, size):
    painted = paint_patches(96, 64)
    path = make_clip("anamorphic.mp4", [painted] * 2, look={"pixel_aspect": aspect})
    image = next(read_frames(path)).image
    assert probe(path).size == (image.shape[1], image.shape[0]) == size
    assert np.abs(patch_colours(image) - patch_colours(painted)).max() <= 2.5


@pytest.mark.parametrize(
    ("aspects", "widths"), [((1, 2), (32, 32)), ((2, 1), (64, 32)), ((1, Fraction(3, 4)), (32, 24))]
)
def test_pixels_that_change_their_shape_on_the_way_squeeze_nobody(make_clip, aspects, widths, tmp_path):
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[16:48, 32:64] = 255
    parts = [
        make_clip(f"{n}.ts", [picture] * 12, look={"pixel_aspect": Fraction(aspect)}, options={"bf": "3"})
        for n, aspect in enumerate(aspects)
    ]
    (tmp_path / "joined.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    frames = read_all(tmp_path / "joined.ts")
    assert len(frames) == 24
    assert len({frame.image.shape for frame in frames}) == 1
    for frame in frames:
        white = frame.image[..., 1] > 127
        width, height = white.any(0).sum(), white.any(1).sum()
        assert width / height == pytest.approx(float(aspects[frame.index // 12]), rel=0.07)
    assert (frames[0].image[..., 1] > 127).any(0).sum() == pytest.approx(widths[0], abs=2)


def test_a_damaged_middle_leaves_a_gap_and_true_times(make_clip, numbers, read_number):
    path = make_clip(
        "damaged.ts", numbers, codec="mpeg2video", options={"g": "5", "qmax": "2"}, time_base=Fraction(1, 25)
    )
    flip_bytes(path, 0.4, 0.6)
    frames = read_all(path)
    assert 25 < len(frames) < 50
    for frame in [*frames[:12], *frames[-12:]]:
        assert frame.time_s == pytest.approx(read_number(frame.image) / 25, abs=1e-3)


def test_undecodable_packets_leave_gaps(make_clip, numbers):
    path = make_clip("zeros.mp4", numbers, options={"g": "1"})
    with av.open(str(path)) as container:
        entries = [(entry.pos, entry.size) for entry in container.streams.video[0].index_entries]
    content = bytearray(path.read_bytes())
    for position, size in entries[20:25]:
        content[position : position + size] = bytes([255]) * size
    path.write_bytes(content)
    frames = read_all(path)
    assert len(frames) == 45
    assert [frame.time for frame in frames] == [Fraction(i, 25) for i in range(50) if not 20 <= i < 25]


def test_closing_the_generator_closes_the_file(make_clip, numbers):
    frames = read_frames(make_clip("closed.mp4", numbers))
    next(frames)
    frames.close()
    with pytest.raises(StopIteration):
        next(frames)


def test_sound_longer_than_the_pictures_is_no_truncation(make_clip, numbers):
    for suffix in (".mp4", ".mkv"):
        path = make_clip(f"music{suffix}", numbers[:10], tone={"end_s": 5.0})
        assert len(read_all(path)) == 10
        assert probe(path).has_sound


def test_a_file_cut_short_is_refused_before_any_work(make_clip, numbers):
    path = make_clip("cut.mp4", numbers, container_options={"movflags": "+faststart"}, options={"qp": "0"})
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 2])
    with pytest.raises(VideoError, match=r"truncated: pictures end at \d\.\d s of 2\.0 s declared") as caught:
        probe(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(VideoError, match="truncated"):
        next(read_frames(path))


def test_a_file_without_index_is_refused_where_it_breaks_off(make_clip, numbers):
    images = [np.random.default_rng(index).integers(0, 255, (48, 64, 3), np.uint8) for index in range(100)]
    path = make_clip("cut.mkv", images)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = read_frames(path)
    assert next(frames).index == 0
    with pytest.raises(VideoError, match=r"truncated: pictures end at [12]\.\d s of 4\.0 s declared"):
        list(frames)


def test_an_unfinished_download_is_refused_at_its_end(make_clip):
    images = [np.random.default_rng(index).integers(0, 255, (48, 64, 3), np.uint8) for index in range(100)]
    path = make_clip("zeros.mp4", images, container_options={"movflags": "+faststart"}, options={"g": "10"})
    length = path.stat().st_size
    path.write_bytes(path.read_bytes()[: length // 2] + bytes(length - length // 2))
    with pytest.raises(VideoError, match="truncated"):
        read_all(path)


def test_each_kind_of_wrong_file_gets_its_own_sentence(make_clip, numbers, tmp_path):
    with pytest.raises(VideoError, match="no such file"):
        probe(tmp_path / "missing.mp4")
    with pytest.raises(VideoError, match="is a folder without pictures; expected a video file, or"):
        probe(tmp_path)
    garbage = tmp_path / "garbage.mp4"
    garbage.write_bytes(np.random.default_rng(0).bytes(50_000))
    empty = tmp_path / "empty.mp4"
    empty.touch()
    text = tmp_path / "notes.txt"
    text.write_text("a shopping list\n" * 100)
    whole = make_clip("whole.mp4", numbers)  # its index comes last
    headless = tmp_path / "headless.mp4"
    headless.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    for path in (garbage, empty, text, headless):
        with pytest.raises(VideoError, match="not a video") as caught:
            probe(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_sound_alone_and_still_pictures_are_not_videos(make_clip, numbers, tmp_path):
    with (
        av.open(str(make_clip("both.mp4", numbers[:5], tone={}))) as both,
        av.open(str(tmp_path / "song.m4a"), "w") as song,
    ):
        copy = song.add_stream_from_template(both.streams.audio[0])
        for packet in both.demux(audio=0):
            if packet.dts is not None:
                packet.stream = copy
                song.mux(packet)
    with pytest.raises(VideoError, match="sound only"):
        probe(tmp_path / "song.m4a")
    picture = tmp_path / "picture.png"
    av.VideoFrame.from_ndarray(numbers[0], format="rgb24").save(str(picture))
    with pytest.raises(VideoError, match="still picture"):
        probe(picture)


def test_a_video_in_which_nothing_decodes_is_refused(make_clip, numbers):
    path = make_clip("nothing.mp4", numbers)
    with av.open(str(path)) as container:
        entries = [(entry.pos, entry.size) for entry in container.streams.video[0].index_entries]
    content = bytearray(path.read_bytes())
    for position, size in entries:
        content[position : position + size] = bytes([255]) * size
    path.write_bytes(content)
    with pytest.raises(VideoError, match="not one picture could be decoded"):
        probe(path)


def test_interlaced_pictures_are_made_whole_at_their_times(make_clip):
    """A bright square runs across grey: each field is a moment of its own."""

    def moment(t: int) -> np.ndarray:
        image = np.full((96, 160, 3), 90, np.uint8)
        image[24:72, 10 + 4 * t : 50 + 4 * t] = 230
        return image

    woven = []
    for t in range(12):
        woven.append(moment(2 * t))
        woven[-1][::2] = moment(2 * t + 1)[::2]
    path = make_clip("fields.mp4", woven, options={"x264-params": "bff=1", "qp": "1"})
    frames = read_all(path)
    assert [frame.time for frame in frames] == [Fraction(t, 25) for t in range(12)]
    for t in range(2, 10):
        off = np.abs(frames[t].image.astype(int) - moment(2 * t))
        combs = np.abs(woven[t].astype(int) - moment(2 * t))
        assert off.mean() < 0.3 * combs.mean()


@pytest.mark.parametrize(
    ("name", "codec", "format_name"), [("a.webm", "libvpx-vp9", "yuva420p"), ("a.mov", "prores_ks", "yuva444p10le")]
)
def test_what_is_transparent_in_a_video_is_black(tmp_path, name, codec, format_name):
    picture = np.full((64, 96, 4), (200, 80, 40, 255), np.uint8)
    picture[:, 48:, 3] = 0  # hidden, but still in the file
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, format_name
        for _ in range(3):
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(picture, format="rgba").reformat(format=format_name))
            )
        container.mux(stream.encode(None))
    frames = read_all(tmp_path / name)
    assert len(frames) == 3
    for frame in frames:
        np.testing.assert_allclose(frame.image[8:-8, 8:40], np.broadcast_to((200, 80, 40), (48, 32, 3)), atol=6)
        assert (frame.image[:, 56:] <= 2).all()
