"""A folder of pictures is read as the video of the same frames would be, or refused in one clear sentence."""

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame

from choreograft.errors import VideoError
from choreograft.video.picture_folder import read_picture
from choreograft.video.read import measure_length, probe, read_frames, sample_frames


def refuse(path: Path) -> str:
    """The one line that is said of a folder that cannot be read."""
    with pytest.raises(VideoError) as caught:
        list(read_frames(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def make_exif(orientation: int) -> bytes:
    """A TIFF block with the orientation (CIPA DC-008, 4.6.4) and nothing else."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


def turn_jpeg(data: bytes, orientation: int) -> bytes:
    """A JPEG file with an EXIF segment behind its first marker."""
    block = b"Exif\0\0" + make_exif(orientation)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]


def turn_png(data: bytes, orientation: int) -> bytes:
    """A PNG file with an EXIF chunk behind its header."""
    chunk = b"eXIf" + make_exif(orientation)
    return data[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]


def encode(suffix: str, image: np.ndarray, *options: int) -> bytes:
    """A picture, its channels in OpenCV's order, as the bytes of a file."""
    return cv2.imencode(suffix, image, options)[1].tobytes()


def write_lossless(path: Path, images: list) -> Path:
    """A video of exactly these RGB pictures at 25 frames a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264rgb", rate=25, options={"qp": "0"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "rgb24"
        for image in images:
            container.mux(stream.encode(VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_frames_come_by_number_at_exact_times(make_folder, numbers, read_number):
    folder = make_folder("frames", numbers[:12], "take 2, {}.png")
    info = probe(folder)
    assert (info.path, info.size, info.rate, info.frames, info.has_sound) == (folder, (64, 48), 25, 12, False)
    assert (info.duration_s, info.time_base) == (0.48, Fraction(1, 25))
    assert measure_length(folder) == Fraction(12, 25)
    frames = list(read_frames(folder))
    assert [frame.index for frame in frames] == [read_number(frame.image) for frame in frames] == list(range(12))
    assert [frame.time for frame in frames] == [Fraction(index, 25) for index in range(12)]
    assert {frame.duration for frame in frames} == {Fraction(1, 25)}


def test_a_folder_and_a_lossless_video_of_the_same_pictures_are_the_same(make_folder, tmp_path):
    images = list(np.random.default_rng(0).integers(0, 256, (5, 37, 51, 3), np.uint8))
    folder, video = make_folder("frames", images), write_lossless(tmp_path / "frames.mkv", images)
    for still, filmed, image in zip(read_frames(folder), read_frames(video), images, strict=True):
        assert (still.index, still.time, still.duration) == (filmed.index, filmed.time, filmed.duration)
        assert np.array_equal(still.image, image)
        assert np.array_equal(filmed.image, image)
        assert still.image.flags.c_contiguous
    assert measure_length(folder) == measure_length(video)
    for name in ("size", "rate", "frames", "has_sound", "duration_s"):
        assert getattr(probe(folder), name) == getattr(probe(video), name)


def test_numbers_begin_anywhere_and_suffixes_may_differ(make_folder, numbers, read_number):
    folder = make_folder("frames", numbers[:2], "{}.png", first=98)
    make_folder("frames", numbers[2:4], "{}.jpg", first=100)
    (folder / "99.png").rename(folder / "99.PNG")
    (folder / "notes about 5.txt").write_text("none of the pictures")
    (folder / "._98.png").touch()
    assert [read_number(frame.image) for frame in read_frames(folder)] == [0, 1, 2, 3]


def test_no_picture_is_read_before_its_turn_and_those_left_out_never(make_folder, numbers, read_number):
    folder = make_folder("frames", numbers[:6])
    for number in (3, 6):
        (folder / f"frame_000{number}.png").write_bytes(b"damaged")
    frames = read_frames(folder)
    assert [next(frames).index for _ in range(2)] == [0, 1]
    assert [read_number(image) for image in sample_frames(folder, [1, 3])] == [1, 3]
    assert probe(folder).frames == 6


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".png"])
def test_every_format_shows_its_colours(tmp_path, paint_patches, patch_colours, suffix):
    painted = paint_patches(96, 64)
    path = tmp_path / f"1{suffix}"
    path.write_bytes(encode(suffix, painted[..., ::-1]))
    image = next(read_frames(tmp_path)).image
    assert image.shape == painted.shape
    assert np.abs(patch_colours(image) - patch_colours(painted)).max() <= 2.5


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_grey_becomes_rgb_and_16_bits_become_8(tmp_path, suffix):
    ramp = np.tile(np.arange(256, dtype=np.uint16), (4, 1))
    deep = ramp * 257
    truth = np.repeat(ramp[..., None], 3, axis=2)
    for name, stored in (("grey", ramp.astype(np.uint8)), ("deep", deep), ("rgb", np.repeat(deep[..., None], 3, 2))):
        path = tmp_path / f"{name}{suffix}"
        path.write_bytes(encode(suffix, stored))
        image = read_picture(path)
        assert image.dtype == np.uint8
        assert np.array_equal(image, truth)


@pytest.mark.parametrize(("suffix", "depth"), [(".png", np.uint8), (".png", np.uint16), (".webp", np.uint8)])
def test_what_is_transparent_is_laid_over_black(tmp_path, suffix, depth):
    full = np.iinfo(depth).max // 255
    stored = np.full((4, 256, 4), (200, 100, 50, 0), depth)
    stored[..., 3] = np.arange(256)
    path = tmp_path / f"1{suffix}"
    path.write_bytes(encode(suffix, stored * full, *((cv2.IMWRITE_WEBP_QUALITY, 101) if suffix == ".webp" else ())))
    expected = np.arange(1, 256)[:, None] / 255 * [50, 100, 200]  # colours of what is wholly transparent may be lost
    assert np.abs(read_picture(path)[0, 1:] - expected).max() <= 0.51
    assert not read_picture(path)[:, 0].any()


@pytest.mark.parametrize("turn", [turn_jpeg, turn_png])
def test_pictures_are_turned_as_videos_are(tmp_path, paint_patches, patch_colours, turn):
    stored = paint_patches(64, 96)
    data = encode(".jpg" if turn is turn_jpeg else ".png", stored[..., ::-1])
    (tmp_path / "1.jpg").write_bytes(turn(data, 6))  # to be turned clockwise
    upright = np.rot90(stored, -1)
    image = next(read_frames(tmp_path)).image
    assert probe(tmp_path).size == (96, 64)
    assert np.abs(patch_colours(image) - patch_colours(upright)).max() <= 2.5


def test_transparent_and_turned_at_once_is_refused(tmp_path, paint_patches):
    stored = np.dstack([paint_patches(64, 96), np.full((96, 64), 128, np.uint8)])
    (tmp_path / "1.png").write_bytes(turn_png(encode(".png", stored), 3))
    assert "transparent and turned by its EXIF data; expected one or the other" in refuse(tmp_path)
    (tmp_path / "1.png").write_bytes(turn_png(encode(".png", stored), 1))
    assert len(list(read_frames(tmp_path))) == 1


def test_each_kind_of_wrong_folder_gets_its_own_sentence(make_folder, numbers, tmp_path):
    empty = make_folder("empty", [])
    (empty / "notes.txt").touch()
    assert "is a folder without pictures; expected a video file, or a folder of pictures named like" in refuse(empty)

    unnumbered = make_folder("unnumbered", numbers[:2])
    (unnumbered / "cover.jpg").touch()
    assert "cover.jpg: no number in its name; expected one like frame_0001.png" in refuse(unnumbered)

    gap = make_folder("gap", numbers[:12], "{}.png")
    (gap / "10.png").unlink()
    assert "found 9.png and 11.png, nothing between them; expected numbers without gaps" in refuse(gap)

    twice = make_folder("twice", numbers[:3], "f{}.png")
    make_folder("twice", numbers[:1], "f{}.jpg", first=2)
    assert "expected one picture for each number; take one of them elsewhere" in refuse(twice)
    padded = make_folder("padded", numbers[:2], "f{}.png")
    make_folder("padded", numbers[:1], "f{:03d}.png", first=2)
    assert "expected one picture for each number" in refuse(padded)

    series = make_folder("series", numbers[:2], "left_{}.png")
    make_folder("series", numbers[:2], "right_{}.png")
    assert "found left_1.png and right_1.png; expected names that differ in their last number alone" in refuse(series)


def test_each_kind_of_wrong_picture_gets_its_own_sentence(make_folder, numbers, capfd):
    sizes = make_folder("sizes", numbers[:2])
    make_folder("sizes", [np.zeros((48, 96, 3), np.uint8)], first=3)
    assert "frame_0003.png: found 96x48 px; expected 64x48 as in frame_0001.png; bring all" in refuse(sizes)
    with pytest.raises(VideoError, match=r"frame_0003\.png: found 96x48 px"):
        probe(sizes)

    damaged = make_folder("damaged", numbers[:3])
    second = damaged / "frame_0002.png"
    for content in (second.read_bytes()[:-40], b"a shopping list", b""):
        second.write_bytes(content)
        assert "frame_0002.png: not a picture, or damaged; expected one that a picture viewer" in refuse(damaged)
    frames = read_frames(damaged)
    next(frames)
    second.unlink()
    with pytest.raises(VideoError, match=r"frame_0002\.png: not readable: No such file or directory; "):
        next(frames)
    assert capfd.readouterr().err == ""
