from fractions import Fraction

import numpy as np
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from choreograft.body.resample import resample_body
from filmed import film


def test_on_its_own_times_a_body_stays_what_it_is() -> None:
    body = film("ada", "squats").body
    same = resample_body(body, body.time_s, body.rate)
    for name in ("present", "root", "pelvis", "turns", "stands"):
        assert_allclose(getattr(same, name), getattr(body, name), atol=1e-5)


def test_halfway_lies_between() -> None:
    body = film("ada", "turns").body
    halves = (body.time_s[1:] + body.time_s[:-1]) / 2
    between = resample_body(body, halves, Fraction(24))
    assert between.rate == 24
    assert_allclose(between.pelvis, (body.pelvis[1:] + body.pelvis[:-1]) / 2, atol=1e-5)
    whole = Rotation.from_matrix(body.root[:-1]).inv() * Rotation.from_matrix(body.root[1:])
    part = Rotation.from_matrix(body.root[:-1]).inv() * Rotation.from_matrix(between.root)
    assert_allclose(part.magnitude(), whole.magnitude() / 2, atol=1e-4)


def test_outside_of_the_clip_its_ends_stay() -> None:
    body = film("ada", "squats").body
    out = resample_body(body, np.array([-1.0, 99.0]), body.rate)
    assert_allclose(out.pelvis, body.pelvis[[0, -1]], atol=1e-6)
