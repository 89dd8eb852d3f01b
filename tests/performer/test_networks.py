"""Networks against the numbers their papers state."""

from itertools import pairwise

import pytest
import torch

from choreograft.config import DiscriminatorConfig, GeneratorConfig
from choreograft.performer.networks import (
    GlobalGenerator,
    InstanceNorm,
    MultiScaleDiscriminator,
    PatchDiscriminator,
    Refiner,
)
from choreograft.performer.translators import CascadedRefinement, UNet


def loud(network):
    """With weights a hundred times as large: what does not end in a limit leaves it."""
    for weights in network.parameters():
        weights.data *= 100
    return network


@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
def test_the_generator_keeps_the_picture_size_and_ends_in_tanh(upsampling):
    generator = loud(GlobalGenerator(6, 4, GeneratorConfig("pix2pixhd", 4, 3, 1, upsampling)))
    drawn = generator(torch.randn(2, 6, 32, 48))
    assert drawn.shape == (2, 4, 32, 48)
    assert 0.99 < drawn.abs().max() <= 1


def test_the_papers_generator_has_the_size_of_pix2pixhd():
    # convolutions counted by hand: 7x7 in and out, 4 down, 9 blocks of two 3x3 at 1024 channels, 4 up, biases included
    widths = [64, 128, 256, 512, 1024]
    expected = 6 * 64 * 49 + 64 + 64 * 3 * 49 + 3 + 9 * 2 * (1024 * 1024 * 9 + 1024)
    expected += sum(2 * a * b * 9 + a + b for a, b in pairwise(widths))
    with torch.device("meta"):
        generator = GlobalGenerator(6, 3, GeneratorConfig())
        drawn = generator(torch.empty(1, 6, 256, 512))
    assert drawn.shape == (1, 3, 256, 512)
    assert sum(p.numel() for p in generator.parameters()) == expected
    assert round(expected / 1e6, 1) == 182.5


HIDING = InstanceNorm | torch.nn.GroupNorm | torch.nn.ReLU | torch.nn.LeakyReLU | torch.nn.Tanh


def count_positive(network):
    """Make it a sum with positive weights: normalisation, rectifiers and tanh would couple or hide pixels."""
    for name, module in network.named_children():
        if isinstance(module, HIDING):
            setattr(network, name, torch.nn.Identity())
        count_positive(module)
    for weights in network.parameters():
        torch.nn.init.constant_(weights, 0.01)  # small, or a tanh would be flat
    return network.double()


def reach(network, side, at):
    """The first and last row and column of a picture that pixel `at` of what a network makes of it depends on."""
    x = torch.zeros(1, 1, side, side, dtype=torch.double, requires_grad=True)
    network(x)[0, 0, *at].backward()
    touched = x.grad[0, 0].nonzero()
    return touched.min(0).values.tolist(), touched.max(0).values.tolist()


def test_a_verdict_sees_a_patch_of_70_pixels():
    judge = count_positive(PatchDiscriminator(1, base_channels=2, layers=3))
    low, high = reach(lambda x: judge(x)[-1], 256, (16, 17))
    assert [b - a + 1 for a, b in zip(low, high, strict=True)] == [70, 70]


def test_the_papers_generator_sees_as_far_as_its_layers_reach():
    # walked backwards from output pixel n: which rows of its input each layer needs, as intervals of whole numbers
    side, n = 720, 357
    low, high = n - 3, n + 3  # the last 7x7
    for _ in range(4):  # transposed 3x3 of stride 2 and padding 1: output i hears inputs j with |i - 2 j| <= 1
        low, high = -(-(low - 1) // 2), (high + 1) // 2
    low, high = low - 9 * 2, high + 9 * 2  # nine blocks of two 3x3
    for _ in range(4):  # 3x3 of stride 2 and padding 1: output i hears inputs 2 i - 1 to 2 i + 1
        low, high = 2 * low - 1, 2 * high + 1
    low, high = low - 3, high + 3
    assert 0 < low < high < side - 1
    generator = count_positive(GlobalGenerator(1, 1, GeneratorConfig(base_channels=1)))
    assert reach(generator, side, (n, n)) == ([low, low], [high, high])
    assert high - low + 1 > 512  # every pixel of the published 512x256 is drawn with all of it in view


def test_each_scale_halves_the_picture_and_judges_with_its_own_weights():
    discriminator = MultiScaleDiscriminator(12, DiscriminatorConfig(scales=3, base_channels=4))
    activations = discriminator(torch.randn(1, 12, 128, 96))
    assert [len(scale) for scale in activations] == [5, 5, 5]
    assert [scale[0].shape[-2:] for scale in activations] == [(65, 49), (33, 25), (17, 13)]
    first, second = (next(scale.parameters()) for scale in discriminator.scales[:2])
    assert not torch.equal(first, second)


def test_the_papers_discriminator_has_the_size_of_the_70x70_patchgan():
    # pix2pix's has 2 768 705 parameters for 6 channels, of which batch normalisation has a scale and a shift for each
    # channel of layers 2 to 4; here those layers have the bias that normalisation made superfluous there
    normalised = [128, 256, 512]
    with torch.device("meta"):
        discriminator = PatchDiscriminator(6, 64, 3)
        verdicts = discriminator(torch.empty(1, 6, 256, 256))[-1]
    assert sum(p.numel() for p in discriminator.parameters()) == 2_768_705 - sum(normalised)
    assert verdicts.shape == (1, 1, 35, 35)  # pix2pixHD pads by 2 where pix2pix pads by 1 and has 30x30


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_channels_double_with_each_layer_up_to_the_limit(layers):
    activations = PatchDiscriminator(3, 256, layers)(torch.randn(1, 3, 64, 64))
    assert [a.shape[1] for a in activations] == [256, *[512] * layers, 1]


def test_the_refiner_keeps_the_size_and_ends_in_tanh():
    drawn = loud(Refiner(14, 5, GeneratorConfig("refiner", 4, 3, 1)))(torch.randn(1, 14, 48, 64))
    assert drawn.shape == (1, 5, 48, 64)
    assert 0.99 < drawn.abs().max() <= 1


def test_the_refiner_sees_as_far_as_its_layers_reach():
    side, n = 256, 117
    low, high = n // 2 - 1, n // 2 + 1  # four pixels are unfolded from one, which a 3x3 drew
    for _ in range(2):  # a 3x3 on what was enlarged twofold
        low, high = (low - 1) // 2, (high + 1) // 2
    low, high = low - 2, high + 2  # a block of two 3x3
    for _ in range(2):  # 3x3 of stride 2 and padding 1
        low, high = 2 * low - 1, 2 * high + 1
    low, high = 2 * low - 2, 2 * high + 3  # 6x6 of stride 2 and padding 2
    refiner = count_positive(Refiner(1, 1, GeneratorConfig("refiner", 1, 3, 1)))
    assert reach(refiner, side, (n, n)) == ([low, low], [high, high])
    assert 0 < low < n - 20 < n + 20 < high < side - 1


TRANSLATORS = pytest.mark.parametrize(("family", "network"), [("unet", UNet), ("crn", CascadedRefinement)])


@TRANSLATORS
@pytest.mark.parametrize("halvings", [1, 2, 5])
@pytest.mark.parametrize("size", [(64, 96), (72, 121)])
def test_the_translators_keep_the_size_and_end_in_tanh(family, network, halvings, size):
    drawn = loud(network(3, 4, GeneratorConfig(family, 4, halvings)))(torch.randn(2, 3, *size))
    assert drawn.shape == (2, 4, *size)
    assert 0.99 < drawn.abs().max() <= 1


@TRANSLATORS
def test_the_translators_middle_sees_the_whole_picture(family, network):
    generator = count_positive(network(1, 1, GeneratorConfig(family, 1, 5)).eval())
    assert reach(generator, 64, (32, 31)) == ([0, 0], [63, 63])


def test_the_refiner_is_as_large_as_its_layers():
    width, inputs, outputs = 4, 14, 5
    stem = 9 * 4 * inputs * width + width
    down = 9 * width * 2 * width + 2 * width
    block = 2 * (9 * (2 * width) ** 2 + 2 * width)
    up = 9 * 3 * width * width + width
    last = 9 * width * 4 * outputs + 4 * outputs
    refiner = Refiner(inputs, outputs, GeneratorConfig("refiner", width, 2, 1))
    assert sum(p.numel() for p in refiner.parameters()) == stem + down + block + up + last
