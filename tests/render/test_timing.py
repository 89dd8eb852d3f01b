"""Timing: exact times for every rate and duration, and one line for what makes no sense."""

from fractions import Fraction

import numpy as np
import pytest

from choreograft.errors import OptionError
from choreograft.render.timing import Timing, TimingRequest, parse_rate, plan_timing

NTSC = Fraction(30_000, 1001)


def plan(seconds: int, rate: Fraction, duration_s: float | None = None, fps: str = "source", target=None) -> Timing:
    """The timing of an evenly timed source."""
    source_s = np.array([float(n / rate) for n in range(round(seconds * rate))])
    request = TimingRequest.parse(duration_s, fps)
    return plan_timing(request, source_s, Fraction(rate), len(source_s) / Fraction(rate), target)


@pytest.mark.parametrize("rate", [Fraction(24), NTSC, Fraction(60), Fraction(90_000, 2959)])
def test_unless_asked_the_sources_times_are_kept_exactly(rate):
    timing = plan(10, rate)
    assert timing.as_filmed
    assert timing.times == timing.source_times == tuple(n / rate for n in range(round(10 * rate)))
    assert (timing.rate, timing.tempo, timing.retiming) == (rate, 1, None)


def test_uneven_times_are_kept_too_and_evened_out_only_where_the_rate_changes():
    ticks = [0, 3, 4, 9, 12]
    source_s = np.array(ticks) / 90
    kept = plan_timing(TimingRequest(), source_s, Fraction(36), Fraction(15, 90), None)
    assert kept.times == tuple(Fraction(tick, 90) for tick in ticks)
    evened = plan_timing(TimingRequest(fps=Fraction(30)), source_s, Fraction(36), Fraction(15, 90), None)
    assert evened.times == tuple(Fraction(n, 30) for n in range(5))
    assert not evened.as_filmed


@pytest.mark.parametrize(
    ("source", "fps", "frames", "rate"),
    [
        (24, "60", 240, Fraction(60)),
        (120, "24", 96, Fraction(24)),
        (24, "29.97", 120, NTSC),
        (60, "23.976", 96, Fraction(24_000, 1001)),
        (24, "12.5", 50, Fraction(25, 2)),
    ],
)
def test_another_rate_shows_the_same_moments_at_the_same_times(source, fps, frames, rate):
    timing = plan(4, Fraction(source), fps=fps)
    assert (len(timing.times), timing.rate, timing.duration, timing.tempo) == (frames, rate, 4, 1)
    assert timing.times == timing.source_times == tuple(n / rate for n in range(frames))


def test_hours_of_held_pictures_are_not_drawn_frame_by_frame():
    held = Fraction(3 * 3600)
    TimingRequest().check_held(held, Fraction(1))
    TimingRequest(fps=Fraction(30)).check_held(Fraction(600), Fraction(1))
    TimingRequest(duration=Fraction(1)).check_held(Fraction(3600), Fraction(4))
    for request, tempo in ((TimingRequest(fps=Fraction(30)), 1), (TimingRequest(duration=Fraction(1)), Fraction(1, 2))):
        with pytest.raises(OptionError, match=r"holds pictures for 10800 s, .* leave out --fps and --duration"):
            request.check_held(held, Fraction(tempo))


@pytest.mark.parametrize(("duration_s", "tempo", "frames"), [(2, 2, 48), (8, Fraction(1, 2), 192), (5, 0.8, 120)])
def test_another_duration_slows_or_hurries_evenly_at_the_sources_rate(duration_s, tempo, frames):
    timing = plan(4, Fraction(24), duration_s)
    assert (timing.tempo, timing.duration, timing.rate) == (Fraction(tempo).limit_denominator(10), duration_s, 24)
    assert timing.times == tuple(Fraction(n, 24) for n in range(frames))
    assert timing.source_times == tuple(n * timing.tempo / 24 for n in range(frames))
    assert timing.source_times[-1] < 4
    assert timing.retiming.duration == duration_s


def test_the_sources_own_duration_and_rate_change_nothing():
    assert plan(4, Fraction(24), duration_s=4.0, fps="24").as_filmed
    assert plan(4, Fraction(24), duration_s=4.0).as_filmed


def test_a_duration_between_two_frames_is_kept_by_the_last_one():
    timing = plan(4, Fraction(24), duration_s=2.01)
    assert timing.duration == Fraction(201, 100)
    assert len(timing.times) == 48


def test_the_targets_rate_is_taken_where_it_is_known():
    assert plan(4, Fraction(60), fps="target", target=Fraction(25)).rate == 25
    assert plan(4, Fraction(60), fps="target", target=None).as_filmed
    with pytest.raises(OptionError, match="target was filmed at 300 frames a second; expected 1 to 240"):
        plan(4, Fraction(60), fps="target", target=Fraction(300))


@pytest.mark.parametrize(
    ("duration_s", "fps", "said"),
    [
        (0, "source", "--duration is 0; expected seconds above zero"),
        (-2, "source", "--duration is -2"),
        (float("nan"), "source", "--duration is nan"),
        (0.9, "source", "4.44 times the speed of the source, which lasts 4 s; expected 1 to 16 s"),
        (17, "source", "0.235 times the speed"),
        (None, "0", "--fps is 0 frames a second; expected 1 to 240"),
        (None, "240.5", "--fps is 240.5 frames a second"),
        (None, "-24", "--fps is -24"),
        (None, "fast", "expected source, target, or a number"),
        (None, "1/0", "expected source, target, or a number"),
    ],
)
def test_nonsense_is_refused_in_one_line(duration_s, fps, said):
    with pytest.raises(OptionError, match=said) as caught:
        plan(4, Fraction(24), duration_s, fps)
    assert "\n" not in str(caught.value)


def test_rates_are_read_as_people_write_them():
    written = {"29.97": NTSC, "30000/1001": NTSC, "59.94": 2 * NTSC, "23.98": Fraction(24_000, 1001), "25": 25}
    assert {text: parse_rate(text) for text in written} == written


def test_a_single_frame_is_shown_for_as_long_as_it_lasts():
    timing = plan_timing(TimingRequest(fps=Fraction(50)), np.zeros(1), Fraction(25), Fraction(1, 25), None)
    assert (timing.times, timing.duration) == ((0, Fraction(1, 50)), Fraction(1, 25))
