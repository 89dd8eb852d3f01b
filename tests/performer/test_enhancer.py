"""The local enhancer against its paper's numbers and a plain re-computation."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from choreograft.config import EnhancerConfig, GeneratorConfig
from choreograft.performer.networks import GlobalGenerator, LocalEnhancer, halve, trained_part

TINY = GeneratorConfig(base_channels=4, downsamplings=1, residual_blocks=1)


def test_the_papers_network_draws_1024x512_and_has_the_size_of_pix2pixhd():
    # convolutions counted by hand, biases included; coarse: 7x7 in, 4 down, 9 blocks of two 3x3 at 1024 channels, 4 up
    widths = [64, 128, 256, 512, 1024]
    coarse = (
        6 * 64 * 49 + 64 + 9 * 2 * (1024 * 1024 * 9 + 1024) + sum(2 * a * b * 9 + a + b for a, b in pairwise(widths))
    )
    # at full size: 7x7 in, one down, 3 blocks at 64 channels, one up, 7x7 out
    fine = 6 * 32 * 49 + 32 + 2 * 32 * 64 * 9 + 64 + 32 + 3 * 2 * (64 * 64 * 9 + 64) + 32 * 3 * 49 + 3
    with torch.device("meta"):
        enhancer = LocalEnhancer(6, 3, GeneratorConfig(), EnhancerConfig())
        drawn = enhancer(torch.empty(1, 6, 512, 1024))
    assert drawn.shape == (1, 3, 512, 1024)
    count = sum(p.numel() for p in enhancer.parameters())
    assert count - sum(p.numel() for p in enhancer.coarse.head.parameters()) == coarse + fine
    assert round((coarse + fine) / 1e6, 1) == 182.7


def test_a_halved_picture_is_the_mean_of_nine_pixels_and_of_fewer_at_the_border():
    picture = np.random.default_rng(0).normal(size=(7, 10)).astype(np.float32)
    expected = [
        [picture[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].mean() for x in range(0, 10, 2)] for y in range(0, 7, 2)
    ]
    np.testing.assert_allclose(halve(torch.from_numpy(picture)[None, None])[0, 0], expected, atol=1e-6)


def conv(x, weights, padding=0, stride=1):
    """A convolution, padded by reflection where it keeps the size."""
    weight, bias = weights
    mode = "reflect" if stride == 1 else "constant"
    return F.conv2d(F.pad(x, (padding,) * 4, mode=mode), weight, bias, stride)


def up(x, weights):
    """A transposed convolution to twice the size: zeros in between, then the kernel turned round."""
    weight, bias = weights
    spread = torch.zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3], dtype=x.dtype)
    spread[..., ::2, ::2] = x
    return F.conv2d(F.pad(spread, (1, 1, 1, 1)), weight.flip(2, 3).transpose(0, 1), bias)


def norm(x):
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, unbiased=False)
    return (x - mean) / (variance + 1e-5).sqrt()


def block(x, first, second):
    return x + norm(conv(norm(conv(x, first, 1)).relu(), second, 1))


def draw_plainly(enhancer, x):
    """Layer by layer as the paper has it, from the weights alone in the order in which the network lists them."""
    tensors = list(enhancer.state_dict().values())
    coarse, fine = np.split(np.arange(0, len(tensors), 2), 2)  # in, down, two of a block, up, out: as many in each
    coarse_in, coarse_down, first, second, coarse_up, _ = (tensors[at : at + 2] for at in coarse)
    fine_in, fine_down, third, fourth, fine_up, fine_out = (tensors[at : at + 2] for at in fine)
    y = norm(conv(F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), coarse_in, 3)).relu()
    y = block(norm(conv(y, coarse_down, 1, stride=2)).relu(), first, second)
    y = norm(up(y, coarse_up)).relu()
    y = y + norm(conv(norm(conv(x, fine_in, 3)).relu(), fine_down, 1, stride=2)).relu()
    y = norm(up(block(y, third, fourth), fine_up)).relu()
    return conv(y, fine_out, 3).tanh()


@pytest.mark.parametrize("batch", [1, 2])
def test_the_enhancer_equals_a_plain_computation(batch):
    torch.manual_seed(0)
    enhancer = LocalEnhancer(6, 3, TINY, EnhancerConfig(residual_blocks=1)).double()
    x = torch.randn(batch, 6, 16, 24, dtype=torch.double)
    with torch.no_grad():
        for weight in enhancer.parameters():
            weight.normal_(0, 0.2)
        drawn, expected = enhancer(x), draw_plainly(enhancer, x)
    torch.testing.assert_close(drawn, expected, rtol=1e-9, atol=1e-9)
    assert drawn.std() > 0.1


@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
def test_features_and_head_of_a_generator_make_its_picture(upsampling):
    generator = GlobalGenerator(6, 3, GeneratorConfig(base_channels=4, downsamplings=2, residual_blocks=1,
                                                      upsampling=upsampling))  # fmt: skip
    x = torch.randn(1, 6, 16, 24)
    features = generator.features(x)
    assert features.shape == (1, 4, 16, 24)
    torch.testing.assert_close(generator.head(features), generator(x), rtol=0, atol=0)
    enhancer = LocalEnhancer(6, 3, GeneratorConfig(base_channels=4, upsampling=upsampling), EnhancerConfig())
    assert enhancer(torch.randn(1, 6, 64, 96)).shape == (1, 3, 64, 96)


def test_each_stage_trains_what_draws_in_it():
    enhancer = LocalEnhancer(6, 3, TINY, EnhancerConfig())
    assert trained_part(enhancer, "global") is enhancer.coarse
    assert all(weight.requires_grad for weight in enhancer.parameters())
    assert trained_part(enhancer, "local") is enhancer
    enhancer(torch.randn(1, 6, 16, 24)).sum().backward()
    drawing = {name for name, weight in enhancer.named_parameters() if weight.grad is not None}
    assert drawing == {name for name, weight in enhancer.named_parameters() if weight.requires_grad}
    assert {name for name, _ in enhancer.named_parameters()} - drawing == {
        f"coarse.layers.{len(enhancer.coarse.layers) - 2}.{kind}" for kind in ("weight", "bias")
    }
    assert trained_part(enhancer.coarse, "global") is enhancer.coarse
