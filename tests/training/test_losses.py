"""Losses against values computed by hand."""

import pytest
import torch

from choreograft.training.step import adversarial_loss, discriminator_loss, feature_matching_loss, matte_loss


def verdicts(*values: float) -> list[list[torch.Tensor]]:
    """One scale for each value: a constant feature map of twice the value, then constant verdicts."""
    return [[torch.full((1, 2, 4, 4), 2 * v), torch.full((1, 1, 3, 3), v)] for v in values]


def test_least_squares_pull_real_to_one_and_fake_to_zero():
    assert discriminator_loss(verdicts(1, 1), verdicts(0, 0)).item() == 0
    assert discriminator_loss(verdicts(0.5), verdicts(0.25)).item() == pytest.approx(0.5 * (0.25 + 0.0625))
    assert discriminator_loss(verdicts(0, 0), verdicts(1, 1)).item() == pytest.approx(2.0)


def test_the_generator_wants_its_verdicts_at_one():
    assert adversarial_loss(verdicts(1, 1)).item() == 0
    assert adversarial_loss(verdicts(0.5, 3)).item() == pytest.approx(0.25 + 4)


def test_feature_matching_ignores_the_verdicts_and_averages_over_scales():
    # one feature layer of one stride-2 layer's discriminator: weight 4 / (1 stage before the verdict) each
    assert feature_matching_loss(verdicts(1, 1), verdicts(1.5, 1)).item() == pytest.approx(4 * 1.0 / 2)
    same_features = [[torch.ones(1, 2, 4, 4), torch.zeros(1, 1, 3, 3)]]
    other_verdict = [[torch.ones(1, 2, 4, 4), torch.ones(1, 1, 3, 3)]]
    assert feature_matching_loss(same_features, other_verdict).item() == 0


def test_feature_matching_sends_no_gradient_into_the_real_features():
    real, fake = verdicts(1.0), verdicts(2.0)
    for scale in (*real, *fake):
        for activation in scale:
            activation.requires_grad_()
    feature_matching_loss(real, fake).backward()
    assert real[0][0].grad is None
    assert fake[0][0].grad is not None


def test_the_matte_loss_is_one_minus_the_overlap():
    mask = torch.zeros(1, 1, 10, 10)
    mask[..., 2:4] = 1
    assert matte_loss(mask, mask).item() == 0
    assert matte_loss(torch.zeros_like(mask), mask).item() == 1
    assert matte_loss(mask.roll(1, -1), mask).item() == pytest.approx(0.5)
    assert matte_loss(0.5 * mask, mask).item() == pytest.approx(1 - 2 * 10 / 30)
