"""Cuts are found where a scene was cut, with their kind; what flashes, holds, pans or passes is none."""

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from choreograft.video.watch import CutWatch

Film = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Frames (T, H, W, 3), and where the person is in them (T, H, W)."""
H, W, T, CUT = 96, 128, 60, 30


def paint(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """A pattern of patches of some ten pixels."""
    noise = np.random.default_rng(seed).uniform(0, 255, (height // 8 + 2, width // 8 + 2, 3))
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


ROOM, PERSON = paint(1, 2 * H, 2 * W), paint(2, 50, 20)


def film(
    at: Callable[[int], float] = lambda t: 20 + t, room: Callable[[int], NDArray[np.uint8]] = lambda t: ROOM[:H, :W]
) -> Film:
    """Somebody who is `at` so many px from the left of a frame's `room`."""
    frames, people = np.stack([room(t) for t in range(T)]), np.zeros((T, H, W), np.uint8)
    noise = np.random.default_rng(0).normal(0, 1.5, frames.shape)
    for t in range(T):
        left = round(at(t))
        frames[t, 30:80, left : left + 20], people[t, 30:80, left : left + 20] = PERSON, 255
    return (frames + noise).clip(0, 255).astype(np.uint8), people


def find(scene: Film, fps: float = 25) -> tuple[list[int], list[int]]:
    """The first frames of shots and of views, less the first."""
    watch = CutWatch()
    for t, (frame, people) in enumerate(zip(*scene, strict=True)):
        watch.add(frame, t / fps, people)
    shots = watch.conclude()
    return tuple([t for t, (a, b) in enumerate(pairwise(number), 1) if a != b] for number in (shots.shot, shots.view))


def zoomed(scale: float) -> NDArray[np.uint8]:
    move = np.array([[scale, 0, (1 - scale) * W / 2], [0, scale, (1 - scale) * H / 2]])
    return cv2.warpAffine(ROOM, move, (W, H))


@pytest.mark.parametrize("other", [paint(3, H, W), zoomed(1.3), zoomed(1.15)], ids=["scene", "zoom", "less zoom"])
def test_another_view_is_found_at_its_first_frame(other) -> None:
    assert find(film(room=lambda t: ROOM[:H, :W] if t < CUT else other)) == ([CUT], [CUT])


def test_a_title_that_stands_is_another_view() -> None:
    frames, people = film()
    frames[:CUT], people[:CUT] = zoomed(2.0), 0
    assert find((frames, people)) == ([CUT], [CUT])


def test_a_person_who_jumps_before_the_same_view_begins_another_shot() -> None:
    assert find(film(lambda t: 10 + t if t < CUT else 30 + t)) == ([CUT], [])


def test_two_cuts_are_two() -> None:
    views = ROOM[:H, :W], paint(3, H, W), ROOM[H:, W:]
    assert find(film(room=lambda t: views[t // 20])) == ([20, 40], [20, 40])


def change(frames: NDArray[np.uint8], at: slice, gain: float, lift: float) -> None:
    frames[at] = (frames[at] * gain + lift).clip(0, 255)


def flash(scene: Film) -> None:
    change(scene[0], slice(CUT, CUT + 3), 2.0, 60)


def white_flash(scene: Film) -> None:
    scene[0][CUT : CUT + 3] = 255


def strobe(scene: Film) -> None:
    for t in range(0, T, 6):
        change(scene[0], slice(t, t + 3), 0.2, 0)


def lights_off(scene: Film) -> None:
    change(scene[0], slice(CUT, T), 0.4, 0)


def fade(scene: Film) -> None:
    for t in range(T):
        change(scene[0], slice(t, t + 1), min(1.0, abs(t - CUT) / 10), 0)


def damage(scene: Film) -> None:
    scene[0][CUT] = np.random.default_rng(4).integers(0, 255, (H, W, 3))
    scene[0][CUT + 10, H // 2 :] = 128


def passer(scene: Film) -> None:
    for t in range(CUT, CUT + 12):
        scene[0][t, :, max(0, (t - CUT) * 20 - 80) : (t - CUT) * 20] = 40


@pytest.mark.parametrize("happens", [flash, white_flash, strobe, lights_off, fade, damage, passer])
def test_what_comes_and_goes_is_no_cut(happens: Callable[[Film], None]) -> None:
    scene = film()
    happens(scene)
    assert find(scene) == ([], [])


def test_a_fast_dance_is_no_cut() -> None:
    assert find(film(lambda t: 54 + 45 * np.sin(t / 1.5))) == ([], [])


def test_a_camera_that_pans_and_one_that_shakes_cut_nothing() -> None:
    def pan(t: int) -> NDArray[np.uint8]:
        left = min(max(0, 8 * (t - CUT)), W)
        return ROOM[:H, left : left + W]

    random = np.random.default_rng(5).integers(0, 4, (T, 2))
    assert find(film(room=pan)) == ([], [])
    assert find(film(room=lambda t: ROOM[random[t, 0] :, random[t, 1] :][:H, :W])) == ([], [])


def test_what_was_held_goes_on_elsewhere_without_a_cut() -> None:
    frames, people = film()
    frames[CUT - 12 : CUT], people[CUT - 12 : CUT] = frames[CUT - 12], people[CUT - 12]
    assert find((frames, people)) == ([], [])


@pytest.mark.parametrize("size", [(8, 300), (300, 8), (1, 1)])
def test_pictures_of_any_shape_are_taken(size: tuple[int, int]) -> None:
    random = np.random.default_rng(6)
    frames = random.integers(0, 255, (8, *size, 3), np.uint8)
    find((frames, np.zeros((8, *size), np.uint8)))


def test_pictures_shown_several_times_are_cut_where_they_were() -> None:
    frames, people = film(lambda t: 10 + t if t < CUT else 30 + t)
    assert find((np.repeat(frames, 4, 0), np.repeat(people, 4, 0)), 60) == ([4 * CUT], [])
    assert find(tuple(np.repeat(part[:CUT], 4, 0) for part in (frames, people)), 60) == ([], [])
