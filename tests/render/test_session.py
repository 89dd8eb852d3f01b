"""Rendering: what each frame is drawn from, and what stands where nobody is."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from choreograft.performer.device import Compute
from choreograft.performer.performer import Performer, PerformerCard
from choreograft.performer.staging import to_image, to_tensor
from choreograft.render.session import render_frames
from choreograft.render.transfer import render_dance
from choreograft.retarget.body import Motion, carry_over
from choreograft.retarget.normalise import Stance
from choreograft.video.read import probe, read_frames
from choreograft.video.size import Size
from swaying import PRESET, RATE, SIZE, draw_target, swaying_track, write_target

CPU = Compute(torch.device("cpu"), bf16=False)


@pytest.fixture
def performer() -> Performer:
    torch.manual_seed(0)
    stance = Stance.measure(swaying_track(24))
    plate, _ = draw_target(np.zeros((133, 2)), present=False)
    return Performer(PerformerCard("swaying", PRESET, SIZE, stance), to_tensor(plate)).eval()


class Recorder(torch.nn.Module):
    """Stands for a generator: draws a constant over everything and remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.inputs.append(x.clone())
        drawn = torch.ones(1, 4, *x.shape[-2:])
        drawn[:, :3] = 0.1 * len(self.inputs)
        return drawn


def test_each_frame_is_conditioned_on_the_last_and_the_first_on_zeros(performer):
    recorder = performer.generator = Recorder()
    track = swaying_track(6, missing=(3,))
    frames = list(render_frames(performer, Motion(track), CPU))
    assert len(frames) == 6
    assert len(recorder.inputs) == 5
    previous = [float(x[0, 3:].mean()) for x in recorder.inputs]
    # frames 0 1 2, then somebody comes back: 4 starts from zeros again, 5 from 4
    assert previous == pytest.approx([0, 0.1, 0.2, 0, 0.4], abs=1e-3)
    for x, t in zip(recorder.inputs, (0, 1, 2, 4, 5), strict=True):
        np.testing.assert_array_equal(to_image(x[0, :3]), frames[t].stick)


def test_after_a_cut_the_first_frame_is_conditioned_on_zeros(performer):
    recorder = performer.generator = Recorder()
    track = replace(swaying_track(4), shot=np.array([0, 0, 1, 1], np.int32))
    assert len(list(render_frames(performer, Motion(track), CPU))) == 4
    assert [float(x[0, 3:].mean()) for x in recorder.inputs] == pytest.approx([0, 0.1, 0, 0.3], abs=1e-3)


def test_a_frame_without_a_person_is_the_empty_background(performer):
    frames = list(render_frames(performer, Motion(swaying_track(4, missing=(1, 2))), CPU))
    for t in (1, 2):
        np.testing.assert_array_equal(frames[t].image, to_image(performer.plate))
        assert not frames[t].stick.any()
    assert (frames[0].image != frames[1].image).any()


def test_the_matte_decides_between_person_and_plate(performer):
    track = swaying_track(1)

    def draw(matte: float) -> np.ndarray:
        def generator(x: torch.Tensor) -> torch.Tensor:
            return torch.cat([torch.ones(1, 3, *x.shape[-2:]), torch.full((1, 1, *x.shape[-2:]), matte)], 1)

        performer.generator.forward = generator
        return next(render_frames(performer, Motion(track), CPU)).image

    np.testing.assert_array_equal(draw(-1.0), to_image(performer.plate))
    assert (draw(1.0) == 255).all()
    halfway = (to_image(performer.plate).astype(float) + 255) / 2
    assert np.abs(draw(0.0) - halfway).max() <= 1


def test_the_result_has_a_frame_for_every_source_frame_at_its_time(performer, tmp_path):
    source = write_target(tmp_path / "source.mp4", swaying_track(10, missing=(4,)))
    rendering = render_dance(
        performer, source.path, source.track, tmp_path / "out.mp4", CPU,
        side_by_side=tmp_path / "side.mp4", sheet=tmp_path / "sheet.png",
    )  # fmt: skip
    assert (rendering.frames, rendering.absent) == (10, 1)
    info = probe(tmp_path / "out.mp4")
    assert (info.size, info.rate) == (SIZE, RATE)
    times = [frame.time for frame in read_frames(tmp_path / "out.mp4")]
    assert times == [Fraction(n, 24) for n in range(10)]
    assert probe(tmp_path / "side.mp4").size == Size(3 * SIZE.width, SIZE.height)
    assert (tmp_path / "sheet.png").exists()


def test_a_source_of_another_size_is_brought_into_the_performers_place(performer):
    small = swaying_track(24)
    large = replace(small, size=Size(192, 288), xy=3 * small.xy, masks=None)
    moved = carry_over(large, None, performer.card.standing).track
    assert moved.size == SIZE
    np.testing.assert_allclose(moved.xy[:, :17], small.xy[:, :17], atol=1e-3)
