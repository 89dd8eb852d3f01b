"""The shutter's time, told from pictures of sticks that were exposed for a known one."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from choreograft.body.body_track import BodyTrack
from choreograft.performer.shutter import FOREARMS, SHINS, measure_shutter
from choreograft.pose import skeleton
from filmed import film

EXPOSURES = 12


def expose(body: BodyTrack, shutter: float) -> NDArray[np.uint8]:
    """(T, h, w, 3) the body's limbs as bright sticks before a wall, each picture the mean of what the lens saw."""
    places = body.camera.project(body.points[:, : skeleton.BODY.stop])
    size = body.camera.size
    wall = np.random.default_rng(1).normal(60, 4, (size.height, size.width))
    frames = []
    for t in range(len(places)):
        seen = np.zeros(wall.shape)
        for moment in t + shutter * np.linspace(-0.5, 0.5, EXPOSURES):
            before = int(np.clip(np.floor(moment), 0, len(places) - 2))
            share = np.clip(moment - before, 0, 1)
            now = (1 - share) * places[before] + share * places[before + 1]
            picture = wall.astype(np.float32).copy()
            for upper, lower in (*FOREARMS, *SHINS):
                ends = [tuple(np.rint((now[j] - 0.5) * 16).astype(int).tolist()) for j in (upper, lower)]
                cv2.line(picture, *ends, 200, 5, cv2.LINE_AA, 4)
            seen += picture / EXPOSURES
        frames.append(np.repeat(seen[..., None], 3, axis=-1))
    return np.rint(frames).astype(np.uint8)


@pytest.mark.parametrize("shutter", [0.0, 0.3, 0.6])
def test_the_shutter_is_read_from_what_moves(shutter: float) -> None:
    body = film("ada", "gestures", 4.0).body
    found = measure_shutter(expose(body, shutter), [body])
    assert found is not None
    assert abs(found - shutter) < 0.12


def test_of_footage_in_which_nothing_moves_it_is_not_known() -> None:
    body = film("ada", "gestures").body.select([0] * 30)
    still = replace(body, time_s=np.arange(30) / float(body.rate))
    assert measure_shutter(expose(still, 0.0), [still]) is None
