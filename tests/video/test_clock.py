"""When pictures are shown: declared rates are hints, and times that are missing, jump or lie are repaired."""

from fractions import Fraction

import av
import numpy as np
import pytest

from choreograft.config import ASSUMED_RATE
from choreograft.video.decode import find_recordings
from choreograft.video.read import measure_held, measure_length, probe, read_frames


def test_a_repeated_time_is_moved_halfway_on_and_counted(make_clip, numbers):
    path = make_clip("even.mkv", numbers[:6], codec="mjpeg", look={"full_range": True}, time_base=Fraction(1, 25))
    repeated = path.with_name("repeated.mkv")
    with av.open(str(path)) as source, av.open(str(repeated), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.video[0], opaque=True)
        for packet, time_ms in zip(source.demux(), (0, 40, 80, 80, 120, 160), strict=False):
            packet.pts = packet.dts = time_ms
            packet.stream = stream
            copy.mux(packet)
    times_ms = [1000 * frame.time for frame in read_frames(repeated)]
    assert times_ms == [0, 40, 80, 100, 120, 160]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_times_that_jump_ahead_by_hours_go_on_where_they_were(make_clip, numbers, suffix):
    times = [Fraction(index, 25) + (100_000 if index > 5 else 0) for index in range(12)]
    path = make_clip(f"jump{suffix}", numbers[:12], times=times, time_base=Fraction(1, 1000))
    assert [frame.time for frame in read_frames(path)] == [Fraction(index, 25) for index in range(12)]
    assert probe(path).rate == 25
    assert measure_length(path) == pytest.approx(12 / 25, abs=2e-3)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_pictures_that_stay_for_minutes_keep_their_times(make_clip, numbers, suffix):
    times = [Fraction(300 * index) for index in range(10)]
    path = make_clip(f"slow{suffix}", numbers[:10], times=times, time_base=Fraction(1, 1000))
    assert [frame.time for frame in read_frames(path)] == times
    assert probe(path).rate == ASSUMED_RATE


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_held_pictures_are_measured(make_clip, numbers, suffix):
    times = [Fraction(0), Fraction(1, 25), Fraction(300), Fraction(305), Fraction(600), Fraction(4800), Fraction(4801)]
    path = make_clip(f"held{suffix}", numbers[: len(times)], times=times, time_base=Fraction(1, 1000))
    assert measure_held(path) == pytest.approx(300 - 0.04 + 295, abs=2e-3)  # the jump of 4200 s is none


def test_a_clock_that_runs_too_fast_to_be_true_still_gives_each_frame_a_time(make_clip, numbers):
    times = [Fraction(index, 200_000) for index in range(10)]
    path = make_clip("fast.mp4", numbers[:10], times=times, time_base=Fraction(1, 1_000_000))
    steps = np.diff([frame.time for frame in read_frames(path)])
    assert min(steps) >= Fraction(1, 10_000)


@pytest.mark.parametrize("fragments", [False, True])
@pytest.mark.parametrize(("gap_at", "count"), [(1, 15), (2, 15), (5, 14), (10, 14), (11, 14), (12, 14), (13, 14)])
def test_reordered_pictures_of_uneven_times_last_until_the_next_one(make_clip, numbers, gap_at, count, fragments):
    times = [Fraction(index, 25) + (40 if index >= gap_at else 0) for index in range(count)]
    path = make_clip(
        "hold.mp4",
        numbers[:count],
        times=times,
        options={"bf": "2", "preset": "medium", "x264-params": "b-adapt=0"},
        container_options={"movflags": "frag_keyframe+empty_moov"} if fragments else None,
    )
    frames = list(read_frames(path))
    assert [frame.time for frame in frames] == times
    assert frames[-1].duration == Fraction(1, 25)
    assert measure_length(path) == times[-1] + Fraction(1, 25)
    assert measure_held(path) == pytest.approx(40.04)
    assert len(find_recordings(path, Fraction(25))) == 1


def test_the_last_of_reordered_pictures_stays_as_long_as_the_file_says(make_clip, numbers):
    path = make_clip("plain.mp4", numbers[:14], options={"bf": "2", "preset": "medium", "x264-params": "b-adapt=0"})
    held = path.with_name("held.mp4")
    with av.open(str(path)) as plain, av.open(str(held), "w") as container:
        stream = container.add_stream_from_template(plain.streams.video[0])
        for packet in plain.demux(video=0):
            if packet.dts is not None:
                packet.duration += (
                    5 * packet.time_base.denominator * (packet.pts * packet.time_base == Fraction(13, 25))
                )
                packet.stream = stream
                container.mux(packet)
    assert measure_length(held) == Fraction(14, 25) + 5
    assert list(read_frames(held))[-1].duration == Fraction(1, 25) + 5


def test_the_times_decide_where_a_declared_rate_is_none(make_clip, numbers, read_number):
    """Browsers record 1000 frames a second, as they say."""
    ticks = np.cumsum(np.random.default_rng(2).integers(16, 60, 50))
    times = [Fraction(int(tick - ticks[0]), 1000) for tick in ticks]
    path = make_clip(
        "recording.webm", numbers, times=times, rate=Fraction(1000), time_base=Fraction(1, 1000), codec="libvpx",
        options={"deadline": "realtime", "lag-in-frames": "0", "crf": "4", "b": "5M"}, container_options={"live": "1"},
    )  # fmt: skip
    with av.open(str(path)) as container:
        assert container.streams.video[0].base_rate == 1000
    assert float(probe(path).rate) == pytest.approx(49 / float(times[-1]), rel=0.01)
    assert [frame.time for frame in read_frames(path)] == times
