"""Faces: where they are on the canvas, and what mending them changes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from choreograft.config import FaceConfig, GeneratorConfig, StickFigureConfig
from choreograft.performer.networks import FaceGenerator, soft_square
from choreograft.performer.performer import Performer, PerformerCard
from choreograft.performer.region import Region, face_side, find_faces
from choreograft.pose import skeleton
from choreograft.retarget.normalise import Stance, Torso
from choreograft.video.size import Size
from swaying import FACE_PRESET, SIZE, swaying_track

STICK = StickFigureConfig()


@pytest.fixture
def performer() -> Performer:
    torch.manual_seed(0)
    stance = Stance.measure(swaying_track(24))
    return Performer(PerformerCard("swaying", FACE_PRESET, SIZE, stance), torch.zeros(3, *SIZE[::-1])).eval()


def stir(performer: Performer) -> None:
    """Weights with which every pixel of a face changes."""
    assert performer.face is not None
    with torch.no_grad():
        for weight in performer.face.parameters():
            weight.normal_(0, 0.1)


def test_the_side_is_a_share_of_the_upright_height_in_steps_of_the_network():
    standing = Stance.measure(swaying_track(24))
    assert standing.upright_height_px == pytest.approx(71.2, abs=0.5)  # 36 px below the hips, 35.2 above
    assert face_side(standing, FaceConfig()) == 24
    assert face_side(standing, FaceConfig(generator=GeneratorConfig(downsamplings=2))) == 24
    assert face_side(standing, FaceConfig(box=0.5)) == 32  # 35.6 px
    paper = Stance(Size(1024, 512), None, Torso(384 / 2.9, 0, 0))
    assert face_side(paper, FaceConfig()) == 128
    assert face_side(standing, FaceConfig(box=0.01)) == 16  # what the innermost layers need
    assert face_side(standing, FaceConfig(box=9.0)) == 64  # the canvas is 64 px wide


def test_the_square_lies_about_the_nose_and_within_the_canvas():
    track = swaying_track(4, missing=(1,))
    xy, score = track.xy.copy(), track.score.copy()
    xy[2] += (-30, -12)  # the nose near the upper left corner
    score[3, skeleton.NOSE] = 0
    faces = find_faces(replace(track, xy=xy, score=score), 24, STICK)
    assert faces[0] == Region(16 - 12, 32 - 12, 24, 24)  # the nose is at (32, 16)
    assert faces[1] is None
    assert faces[2] == Region(0, 0, 24, 24)
    ears = xy[3, [skeleton.LEFT_EAR, skeleton.RIGHT_EAR]].mean(axis=0)
    assert faces[3] == Region(round(float(ears[1])) - 12, round(float(ears[0])) - 12, 24, 24)


def test_a_face_off_the_picture_is_none():
    track = swaying_track(2)
    xy = track.xy.copy()
    xy[1] += (0, -40)
    assert [face is None for face in find_faces(replace(track, xy=xy), 24, STICK)] == [False, True]


def test_only_pixels_of_the_square_change(performer):
    stir(performer)
    frame, stick = torch.rand(1, 3, *SIZE[::-1]), torch.rand(1, 3, *SIZE[::-1])
    before, at = frame.clone(), Region(4, 20, 24, 24)
    mended = performer.mend_face(frame, stick, at)
    assert torch.equal(frame, before)
    changed = (mended != frame).any(dim=1)[0]
    assert changed[4:28, 20:44].float().mean() > 0.95
    changed[4:28, 20:44] = False
    assert not changed.any()
    # what is pasted fades out: no square is seen
    difference = (mended - frame).abs().amax(dim=1)[0, 4:28, 20:44]
    assert difference[0].max() < 0.1 * difference.max()
    assert difference[:, -1].max() < 0.1 * difference.max()


def test_an_unseen_face_leaves_the_frame_as_it_is(performer):
    stir(performer)
    frame = torch.rand(1, 3, *SIZE[::-1])
    assert torch.equal(performer.mend_face(frame, torch.zeros_like(frame), None), frame)


def test_an_untrained_network_changes_nothing(performer):
    frame = torch.rand(2, 3, *SIZE[::-1]) * 2 - 1
    mended = performer.mend_face(frame, torch.rand_like(frame), Region(0, 0, 24, 24))
    assert torch.equal(mended, frame)


def test_the_network_adds_its_residual_within_the_window():
    torch.manual_seed(1)
    face = FaceGenerator(replace(FACE_PRESET.face, edge=0.25), 16)
    with torch.no_grad():
        for weight in face.parameters():
            weight.normal_(0, 0.1)
    stick, drawn = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    residual = face.network(torch.cat([stick, drawn], dim=1))
    window = face.window.numpy()
    torch.testing.assert_close(face(stick, drawn), drawn + torch.from_numpy(window) * residual)
    assert window[8, 8] == 1
    assert (window[4:12, 4:12] == 1).sum() == 8 * 8
    np.testing.assert_allclose(window[8, :4], [0.5 - 0.5 * np.cos(np.pi * (k + 0.5) / 4) for k in range(4)], rtol=1e-5)
    assert torch.equal(soft_square(16, 0.25), soft_square(16, 0.25).flip(0, 1))
