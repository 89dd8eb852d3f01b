"""Some frames of a video by their numbers."""

from collections.abc import Iterator
from typing import Any

from choreograft.video import read
from choreograft.video.read import sample_frames


def test_the_frames_asked_for_come_in_order_and_the_file_is_read_no_further(
    make_clip, numbers, read_number, monkeypatch
):
    decoded = []
    shown_pictures = read.shown_pictures

    def count(*video: Any) -> Iterator[Any]:
        for picture in shown_pictures(*video):
            decoded.append(picture)
            yield picture

    monkeypatch.setattr(read, "shown_pictures", count)
    clip = make_clip("numbers.mp4", numbers)
    assert [read_number(image) for image in sample_frames(clip, [0, 7, 31])] == [0, 7, 31]
    assert len(decoded) == 32


def test_what_lies_beyond_the_end_yields_nothing(make_clip, numbers, read_number):
    clip = make_clip("numbers.mp4", numbers[:10])
    assert [read_number(image) for image in sample_frames(clip, [9, 10, 40])] == [9]
    assert list(sample_frames(clip, [])) == []
