"""Some frames of a video by their numbers."""

from choreograft.video.clock import ReadReport
from choreograft.video.sample import sample_frames


def test_the_frames_asked_for_come_in_order_and_the_file_is_read_no_further(make_clip, numbers, read_number):
    clip = make_clip("numbers.mp4", numbers)
    report = ReadReport()
    assert [read_number(image) for image in sample_frames(clip, [0, 7, 31], report)] == [0, 7, 31]
    assert report.frames == 32


def test_what_lies_beyond_the_end_yields_nothing(make_clip, numbers, read_number):
    clip = make_clip("numbers.mp4", numbers[:10])
    assert [read_number(image) for image in sample_frames(clip, [9, 10, 40])] == [9]
    assert list(sample_frames(clip, [])) == []
