"""The whole rendering at other rates and durations: how many frames, when, of which moment, and with what sound."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from choreograft.performer.device import Compute
from choreograft.performer.performer import Performer, PerformerCard
from choreograft.performer.staging import to_tensor
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.render.timing import TimingRequest, plan_timing
from choreograft.render.transfer import bring_to, nearest_frames, render_dance
from choreograft.retarget.body import Motion
from choreograft.retarget.normalise import Stance
from choreograft.video.read import Frame, measure_length, probe, read_frames
from choreograft.video.write import VideoWriter, add_sound
from swaying import PRESET, SIZE, draw_target, swaying_track

CPU = Compute(torch.device("cpu"), bf16=False)
SOUND_HZ = 44_100


@pytest.fixture
def performer() -> Performer:
    """Untrained, from footage at 30/1.001 frames a second; it draws its plate and nothing else."""
    torch.manual_seed(0)
    stance = Stance.measure(swaying_track(24))
    plate, _ = draw_target(np.zeros((133, 2)), present=False)
    card = PerformerCard("swaying", PRESET, SIZE, stance, {"rates": ["30000/1001", "24"]})
    return Performer(card, to_tensor(plate)).eval()


def track_at(rate: Fraction, seconds: float = 1.0) -> PoseTrack:
    """The person swaying at that frame rate: one step of `swaying_track` is one frame."""
    track = swaying_track(round(seconds * rate))
    return PoseTrack(
        track.size, rate, np.arange(len(track)) / float(rate), track.xy, track.score, track.depth, track.world,
        track.present, track.masks,
    )  # fmt: skip


def write_source(path: Path, track: PoseTrack) -> Path:
    """Its clip, each frame as grey as its number, with a tone to its end."""
    with VideoWriter(path, SIZE, track.rate) as video:
        for n in range(len(track)):
            video.write(np.full((SIZE.height, SIZE.width, 3), 2 * n, np.uint8), n / track.rate)
    time_s = np.arange(round(len(track) / track.rate * SOUND_HZ)) / SOUND_HZ
    add_sound(path, 0.5 * np.sin(2 * np.pi * 440 * time_s), SOUND_HZ)
    return path


def sound_length(path: Path) -> float:
    with av.open(str(path)) as container:
        sound = container.streams.audio[0]
        return float(sound.duration * sound.time_base)


@pytest.mark.parametrize(
    ("source_fps", "request_", "frames", "rate", "length"),
    [
        (24, TimingRequest(fps=Fraction(60)), 60, Fraction(60), Fraction(1)),
        (120, TimingRequest(fps=Fraction(24)), 24, Fraction(24), Fraction(1)),
        (24, TimingRequest(fps="target"), 30, Fraction(30_000, 1001), Fraction(1)),
        (24, TimingRequest(Fraction(1, 2)), 12, Fraction(24), Fraction(1, 2)),
        (24, TimingRequest(Fraction(2)), 48, Fraction(24), Fraction(2)),
        (24, TimingRequest(Fraction(2), Fraction(12)), 24, Fraction(12), Fraction(2)),
    ],
)
def test_frames_rate_length_and_sound_are_what_was_asked_for(
    performer, tmp_path, source_fps, request_, frames, rate, length
):
    track = track_at(Fraction(source_fps))
    source, out, beside = write_source(tmp_path / "in.mp4", track), tmp_path / "out.mp4", tmp_path / "beside.mp4"
    rendering = render_dance(performer, source, track, out, CPU, beside, tmp_path / "sheet.png", request=request_)
    assert (rendering.frames, Fraction(rendering.rate), rendering.duration_s) == (frames, rate, length)
    for path in (out, beside):
        assert [frame.time for frame in read_frames(path)] == [n / rate for n in range(frames)]
        assert abs(measure_length(path) - length) < Fraction(1, 10_000)
        assert probe(path).rate == pytest.approx(rate, abs=0.02)
        assert sound_length(path) == pytest.approx(length, abs=0.001 if rendering.tempo != 1 else 0.03)
    shown = [frame.image[:, : SIZE.width].mean() / 2 for frame in read_frames(beside)]
    wanted = np.arange(frames) / float(rate) * rendering.tempo * source_fps
    assert np.abs(np.array(shown) - np.minimum(wanted, len(track) - 1)).max() < 1.2  # half a frame, and the encoder


def test_copied_sound_stays_as_it_is_where_only_the_rate_changes(performer, tmp_path):
    track = track_at(Fraction(24))
    source = write_source(tmp_path / "in.mp4", track)
    render_dance(performer, source, track, tmp_path / "out.mp4", CPU, request=TimingRequest(fps=Fraction(30)))
    packets = []
    for path in (source, tmp_path / "out.mp4"):
        with av.open(str(path)) as container:
            packets.append([bytes(packet) for packet in container.demux(audio=0) if packet.dts is not None])
    assert packets[0] == packets[1]


def test_a_slower_dance_is_the_same_dance_at_its_own_times():
    track = track_at(Fraction(24), 2.0)
    request = TimingRequest(Fraction(4), Fraction(60))
    slow = bring_to(plan_timing(request, track.time_s, track.rate, Fraction(2), None), Motion(track)).track
    assert (len(slow), slow.rate) == (240, 60)
    np.testing.assert_allclose(slow.time_s, np.arange(240) / 60)
    hips = 32 + 8 * np.sin(np.minimum(slow.time_s / 2 * 24, 47) / 3) + 5
    np.testing.assert_allclose(slow.xy[:, skeleton.LEFT_HIP, 0], hips, atol=0.25)


def test_a_performer_that_does_not_know_its_rate_says_so_and_keeps_the_sources(performer, tmp_path):
    said = []

    class Listener:
        def say(self, sentence: str) -> None:
            said.append(sentence)

        def task(self, name: str, total: int):
            from choreograft.progress import silent

            return silent.task(name, total)

    performer.card.training.clear()
    track = track_at(Fraction(24), 0.25)
    source = write_source(tmp_path / "in.mp4", track)
    request = TimingRequest(fps="target")
    rendering = render_dance(performer, source, track, tmp_path / "out.mp4", CPU, progress=Listener(), request=request)
    assert rendering.rate == "24"
    assert "does not say at what rate the target was filmed" in said[0]


def test_the_nearest_frame_is_found_while_the_source_streams():
    read = []

    def stream():
        for n in range(6):
            read.append(n)
            yield Frame(n, n / 4, Fraction(n, 4), np.zeros((1, 1, 3), np.uint8))

    times = [Fraction(n, 16) for n in (0, 1, 2, 3, 4, 13)]
    found = nearest_frames(stream(), times, Fraction(4))
    assert [next(found).index for _ in times[:4]] == [0, 0, 0, 1]
    assert read == [0, 1, 2]
    assert [frame.index for frame in found] == [1, 3]
    assert read == list(range(6))


def test_a_frame_that_stays_is_held_until_the_next_comes():
    stills = [Frame(n, t, Fraction(t), np.zeros((1, 1, 3), np.uint8)) for n, t in enumerate((0, 1, 5, 6))]
    times = [Fraction(t) for t in ("0.4", "0.6", "3", "4.4", "4.6", "5.4")]
    assert [frame.index for frame in nearest_frames(iter(stills), times, Fraction(1))] == [0, 1, 1, 1, 2, 2]
