"""Measuring how cloth lies, on cloth of which that is known."""

from dataclasses import replace

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from choreograft.performer.atlas import Atlas
from choreograft.training.swaying import fit_weights, measure_sway, solve_pairs
from painted import painted_bank

N, C, K = 120, 5, 6


def test_pairs_give_back_how_far_each_reference_is_off() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(size=(N, C, 2))
    true -= true.mean(axis=0)  # pairs cannot tell what all have in common
    pairs = np.array([(n, m) for n in range(N) for m in rng.choice(N, 20) if n != m])
    flow = true[pairs[:, 0]] - true[pairs[:, 1]]
    assert_allclose(solve_pairs(pairs, flow, np.ones(flow.shape[:2]), N), true, atol=0.1)
    nothing = solve_pairs(pairs, flow, np.zeros(flow.shape[:2]), N)
    assert_array_equal(nothing, 0)


def test_a_skirt_that_follows_its_terms_is_learned_and_noise_is_not() -> None:
    rng = np.random.default_rng(1)
    moments = np.column_stack([np.zeros(N), np.arange(N) / 8])
    swing = np.sin(moments[:, 1, None, None, None] * rng.uniform(2, 9, (1, 1, K, 2)) + rng.uniform(0, 6, (1, C, K, 2)))
    terms, weights = (0.1 * swing).astype(np.float32), 0.3 * rng.normal(size=K)
    noise = (0.01 * rng.normal(size=(N, C, 2))).astype(np.float32)
    off = np.einsum("nckd,k->ncd", terms, weights)
    known, rest = np.ones((N, C), np.float32), 0.02 * rng.normal(size=(C, 3))
    learned = fit_weights(terms, (off + noise).astype(np.float32), known, moments, rest)
    assert_allclose(learned, np.tile(weights, (C, 1)), atol=0.05)
    assert_array_equal(fit_weights(terms, noise, known, moments, rest), 0)


def test_references_whose_cloth_lies_elsewhere_are_found_out() -> None:
    """Every reference is shown moved by up to 2 px; what is measured differs from one to the other by as much."""
    bank, rng = painted_bank(), np.random.default_rng(2)
    by = rng.integers(-2, 3, (len(bank), 2))
    frames, masks = (
        np.stack([np.roll(picture, step[::-1], axis=(0, 1)) for picture, step in zip(pictures, by, strict=True)])
        for pictures in (bank.frames, bank.masks)
    )
    sway = measure_sway(replace(bank, frames=frames, masks=masks)).sway
    assert sway is not None
    atlas = Atlas.of(bank)
    px_per_m = np.array(atlas.focal_px) / atlas.vertices[:, :, 2].numpy().mean(axis=1)
    seen = np.linalg.norm(sway.off, axis=2).mean(axis=0) > 2e-3
    assert seen.sum() > 5
    found = np.median(sway.off[:, seen], axis=1) * px_per_m[:, None]
    found, true = found - found.mean(axis=0), by - by.mean(axis=0)
    assert np.corrcoef(found.ravel(), true.ravel())[0, 1] > 0.95
    assert 0.5 < (found * true).sum() / (true * true).sum() < 1.1  # a pull to zero, as the pairs are few


def test_a_moment_teaches_nothing() -> None:
    bank = painted_bank()
    body = bank.bodies[0].select(np.arange(2))
    parts = {name: getattr(bank, name)[:2] for name in ("frames", "masks", "sharpness", "faces")}
    assert measure_sway(replace(bank, bodies=(body,), **parts)).sway is None
