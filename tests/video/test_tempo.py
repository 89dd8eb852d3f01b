"""Sound at another tempo: beats where the pictures put them, the same pitch, exactly as long as the pictures."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from choreograft.video.read import measure_length
from choreograft.video.size import Size
from choreograft.video.sound import Retiming, split_tempo
from choreograft.video.write import VideoWriter, add_sound

RATE_HZ = 44_100
LENGTH_S = 8
BEATS_S = np.arange(0.5, LENGTH_S - 0.4, 0.53)
PITCH_HZ = 440.0
PICTURE = np.full((48, 64, 3), 90, np.uint8)


def drums() -> np.ndarray:
    """(N,) decaying noise over a low thud at every beat."""
    samples = np.zeros(LENGTH_S * RATE_HZ)
    time_s = np.arange(round(0.3 * RATE_HZ)) / RATE_HZ
    noise = np.random.default_rng(0).normal(size=len(time_s))
    hit = 0.3 * np.exp(-25 * time_s) * noise + 0.4 * np.exp(-12 * time_s) * np.sin(2 * np.pi * 60 * time_s)
    for beat_s in BEATS_S:
        first = round(beat_s * RATE_HZ)
        samples[first : first + len(hit)] += hit
    return samples


def chord() -> np.ndarray:
    time_s = np.arange(LENGTH_S * RATE_HZ) / RATE_HZ
    return 0.02 * sum(np.sin(2 * np.pi * hz * time_s) for hz in (220, 277.2, 330, PITCH_HZ))


SOUNDS = {"drums": drums, "music": lambda: drums() + chord()}


@pytest.fixture(scope="module", params=sorted(SOUNDS))
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of beats; the pictures do not matter."""
    path = tmp_path_factory.mktemp("tempo") / f"{request.param}.mp4"
    write_pictures(path, 2 * LENGTH_S, Fraction(2))
    add_sound(path, SOUNDS[request.param](), RATE_HZ)
    return path


def write_pictures(
    path: Path, frames: int, rate: Fraction, duration: Fraction | None = None, **options: object
) -> Path:
    with VideoWriter(path, Size(64, 48), rate, **options) as writer:
        for n in range(frames):
            writer.write(PICTURE, n / rate, None if duration is None else duration - n / rate)
    return path


def retime(source: Path, tempo: Fraction, output: Path) -> Path:
    """As a render does: pictures at another tempo, at 2 frames a second."""
    duration = measure_length(source) / tempo
    retiming = Retiming(tempo, duration)
    return write_pictures(output, round(duration * 2), Fraction(2), duration, sound_from=source, retiming=retiming)


def read_sound(path: Path) -> tuple[np.ndarray, int]:
    """(N,) samples on the clock of the pictures, as a player plays them, and their rate."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    first = round(frames[0].time * frames[0].sample_rate)
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return (samples[-first:] if first < 0 else np.pad(samples, (first, 0))), frames[0].sample_rate


def find_attacks(path: Path, near_s: np.ndarray) -> np.ndarray:
    """When the level first reaches half of its peak within 0.1 s of each moment, s."""
    samples, rate_hz = read_sound(path)
    level = np.convolve(np.abs(samples), np.ones(96) / 96, "same")
    attacks_s = []
    for moment_s in near_s:
        first = round((moment_s - 0.1) * rate_hz)
        piece = level[first : round((moment_s + 0.1) * rate_hz)]
        attacks_s.append((first + int(np.argmax(piece > 0.5 * piece.max()))) / rate_hz)
    return np.array(attacks_s)


@pytest.mark.parametrize("tempo", [Fraction(1, 2), Fraction(4, 5), Fraction(2)])
def test_beats_stay_with_the_pictures_to_the_end(source, tmp_path, tempo):
    output = retime(source, tempo, tmp_path / "out.mp4")
    off_s = find_attacks(output, BEATS_S / float(tempo)) - find_attacks(source, BEATS_S) / float(tempo)
    assert abs(np.median(off_s[-5:])) < 0.02
    assert abs(np.median(off_s[:5])) < 0.02
    # at twice the tempo half of the sound is left out, and with it now and then the attack of a beat
    assert np.mean(np.abs(off_s) < 0.03) > 0.8


@pytest.mark.parametrize("tempo", [Fraction(1, 4), Fraction(7, 5), Fraction(4)])
def test_sound_is_as_long_as_the_pictures(source, tmp_path, tempo):
    output = retime(source, tempo, tmp_path / "out.mp4")
    with av.open(str(output)) as container:
        sound, pictures = container.streams.audio[0], container.streams.video[0]
        length = sound.duration * sound.time_base
        assert abs(pictures.duration * pictures.time_base - LENGTH_S / tempo) <= pictures.time_base
        assert container.start_time == 0
    assert abs(length - LENGTH_S / tempo) <= 1e-3  # MP4 says so in ms


@pytest.mark.parametrize("tempo", [Fraction(1, 2), Fraction(2)])
def test_the_pitch_stays(make_clip, numbers, tmp_path, tempo):
    clip = make_clip("tone.mp4", numbers, tone={"onset_s": 0.0, "frequency_hz": PITCH_HZ})
    samples, rate_hz = read_sound(retime(clip, tempo, tmp_path / "out.mp4"))
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert spectrum.argmax() * rate_hz / len(middle) == pytest.approx(PITCH_HZ, rel=0.01)


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
@pytest.mark.parametrize(("picture_start_s", "begin_s", "onset_s"), [(1, 0, 1.7), (0, 1, 1.5), (1, 1.5, 2.2)])
def test_sound_that_starts_earlier_or_later_than_the_pictures_keeps_its_place(
    make_clip, numbers, tmp_path, codec, picture_start_s, begin_s, onset_s
):
    tone = {"codec": codec, "begin_s": begin_s, "onset_s": onset_s, "end_s": onset_s + 1}
    times = [picture_start_s + Fraction(index, 25) for index in range(50)]
    clip = make_clip("offset.mkv", numbers, times=times, time_base=Fraction(1, 1000), tone=tone)
    samples, rate_hz = read_sound(retime(clip, Fraction(1, 2), tmp_path / "out.mp4"))
    heard_s = np.flatnonzero(np.abs(samples) > 0.1)[0] / rate_hz
    assert heard_s == pytest.approx(2 * (onset_s - picture_start_s), abs=0.03)


def test_sound_that_ends_early_is_followed_by_silence_and_long_sound_is_cut(make_clip, numbers, tmp_path):
    for end_s in (1.0, 6.0):
        clip = make_clip("clip.mp4", numbers, tone={"onset_s": 0.0, "end_s": end_s})
        samples, rate_hz = read_sound(retime(clip, Fraction(2), tmp_path / "out.mp4"))
        assert len(samples) / rate_hz == pytest.approx(1.0, abs=0.03)
        heard_s = np.flatnonzero(np.abs(samples) > 0.1)[-1] / rate_hz
        assert heard_s == pytest.approx(min(end_s, 2) / 2, abs=0.03)


def test_a_clip_without_sound_stays_silent(make_clip, numbers, tmp_path):
    output = retime(make_clip("silent.mp4", numbers), Fraction(2), tmp_path / "out.mp4")
    with av.open(str(output)) as container:
        assert not container.streams.audio


@pytest.mark.parametrize("tempo", [0.25, 0.3, 0.5, 0.9, 1.5, 4.0])
def test_a_tempo_is_a_product_of_ones_that_the_filter_takes(tempo):
    stages = split_tempo(tempo)
    assert np.prod(stages) == pytest.approx(tempo)
    assert min(stages) >= 0.5 - 1e-9
    assert len(stages) == (1 if tempo >= 0.5 else 2)
