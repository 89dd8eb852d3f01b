"""Bodies that tremble before pictures of what they truly do: people with a texture, drawn by their surface."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from choreograft.body import flow
from choreograft.body.body_track import ARRAYS, BodyTrack
from choreograft.body.energy import POINTS, SEEN
from choreograft.body.rig import BODY_COUNT
from choreograft.body.surface import Mesh, render_surfaces
from choreograft.pose.track import PoseTrack
from choreograft.video.read import Frame
from filmed import film

Array = NDArray[np.float64]


@cache
def true_body() -> BodyTrack:
    """One and a half seconds of squats."""
    return film("ada", "squats").body.select(np.arange(6, 24))


def show(body: BodyTrack) -> list[NDArray[np.uint8]]:
    """Pictures of it: skin with waves of 3 to 8 cm before a plain background."""
    random = np.random.default_rng(5)
    waves = random.normal(size=(3, 24))
    waves *= 2 * np.pi / random.uniform(0.03, 0.08, 24) / np.linalg.norm(waves, axis=0)
    rest, mesh, camera = body.shape.build().vertices, Mesh.of(body.shape.build()), body.camera
    pictures = []
    for surface in render_surfaces((camera.place(v) for v in body.skin()), mesh, camera.focal_px, camera.size):
        on = surface.covered.numpy()
        corners = mesh.faces[surface.face[surface.covered].long()].long().numpy()
        skin = (rest[corners] * surface.barycentric.numpy()[on][..., None]).sum(1)
        picture = np.full((*on.shape, 3), 90, np.uint8)
        picture[on] = np.clip(128 + 18 * np.sin(skin @ waves).sum(1), 0, 255)[:, None]
        pictures.append(picture)
    return pictures


@cache
def pictures() -> list[NDArray[np.uint8]]:
    return show(true_body())


def frames(images: list[NDArray[np.uint8]]) -> Iterator[Frame]:
    for index, image in enumerate(images):
        yield Frame(index, index / 12, Fraction(index, 12), image)


def track_of(body: BodyTrack) -> PoseTrack:
    """The body's own joints."""
    xy = body.camera.project(body.points[:, :133]).astype(np.float32)
    nothing = np.full((*xy.shape[:2], 3), np.nan, np.float32)
    score = np.where(body.present[:, None], np.ones(xy.shape[:2], np.float32), np.float32(0))
    xy[~body.present] = np.nan
    return PoseTrack(
        body.camera.size, body.rate, body.time_s, xy, score, nothing[..., 0], nothing, body.present, shot=body.shot
    )


def tremble(body: BodyTrack) -> BodyTrack:
    """Joints turned by half a degree and the pelvis moved by a millimetre, in each frame otherwise."""
    random = np.random.default_rng(3)
    turns, pelvis = body.turns.copy(), body.pelvis.copy()
    turns[:, :BODY_COUNT] += random.normal(0, np.deg2rad(0.5), turns[:, :BODY_COUNT].shape)
    pelvis[:, [0, 2]] += random.normal(0, 0.001, (len(body), 2))
    return replace(body, turns=turns, pelvis=pelvis)


def run(body: BodyTrack, images: list[NDArray[np.uint8]]) -> BodyTrack:
    return flow.follow_picture(body, track_of(body), frames(images), lambda done: None)


def places(body: BodyTrack) -> Array:
    """(T, K, 2) px of 256 rows."""
    return body.camera.project(body.points[:, POINTS[SEEN]]) * (256 / body.camera.size.height)


def jitter(body: BodyTrack) -> float:
    """px by which points move otherwise than they truly do, from frame to frame."""
    return float(np.linalg.norm(np.diff(places(body) - places(true_body()), axis=0), axis=-1).mean())


def assert_same(a: BodyTrack, b: BodyTrack) -> None:
    for name in ARRAYS:
        assert_array_equal(getattr(a, name), getattr(b, name))


def test_what_trembles_moves_as_the_picture_does():
    trembling = tremble(true_body())
    steady = run(trembling, pictures())
    assert jitter(trembling) > 0.7
    assert jitter(steady) < 0.35 * jitter(trembling)
    off, before = (np.linalg.norm(places(b) - places(true_body()), axis=-1).mean() for b in (steady, trembling))
    assert off < before


def test_two_bodies_follow_side_by_side_as_they_do_alone():
    trembling = tremble(true_body())
    alone = run(trembling, pictures())
    with ThreadPoolExecutor(2) as workers:
        for steady in workers.map(lambda _: run(trembling, pictures()), range(4)):
            assert_same(steady, alone)


def test_depth_hardly_changes():
    trembling = tremble(true_body())
    steady = run(trembling, pictures())
    depth = [b.camera.place(b.points[:, POINTS[SEEN]])[..., 2] for b in (trembling, steady)]
    assert_allclose(depth[1], depth[0], atol=0.02)


def test_a_body_that_follows_is_left_alone():
    followed = run(true_body(), pictures())
    assert jitter(followed) < 0.1
    assert np.median(np.linalg.norm(places(followed) - places(true_body()), axis=-1)) < 0.1


def test_where_the_picture_shows_nothing_the_body_stays():
    trembling = tremble(true_body())
    assert_same(run(trembling, [np.full_like(image, 90) for image in pictures()]), trembling)
    assert_same(run(trembling, []), trembling)
    assert_same(run(trembling.select([4]), pictures()[4:5]), trembling.select([4]))


@pytest.mark.parametrize("apart", ["cut", "gap", "absence"])
def test_nothing_mixes_across(apart):
    """Both halves become what they become alone."""
    body, images, half = tremble(true_body()), pictures(), len(true_body()) // 2
    if apart == "cut":
        body.pelvis[half:, 0] += 1.0
        body = replace(body, shot=(np.arange(len(body)) >= half).astype(np.int32))
        images = [*images[:half], *(np.roll(image, 118, axis=1) for image in images[half:])]
    elif apart == "gap":
        body = replace(body, time_s=body.time_s + (np.arange(len(body)) >= half) * 1.0)
    else:
        body = replace(body, present=np.arange(len(body)) != half)
    whole = run(body, images)
    for part in (np.arange(half), np.arange(half + (apart == "absence"), len(body))):
        alone = run(body.select(part), [images[t] for t in part])
        assert_allclose(whole.select(part).points, alone.points, atol=2e-4)
    if apart == "absence":
        assert_same(whole.select([half]), body.select([half]))


def test_windows_leave_no_seam(monkeypatch):
    trembling = tremble(true_body())
    whole = run(trembling, pictures())
    monkeypatch.setattr(flow, "_WINDOW", 5)
    monkeypatch.setattr(flow, "_OVERLAP", 6)
    assert_allclose(places(run(trembling, pictures())), places(whole), atol=0.03)
