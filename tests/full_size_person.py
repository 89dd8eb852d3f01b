"""A synthetic person at full size, and damage whose order an eye is sure of."""

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

HEIGHT, WIDTH = 512, 320
ROUGHNESS_PX = (1.0, 2.0, 4.0, 8.0)


def draw_texture(seed: int) -> NDArray[np.float32]:
    """(H, W, 3) woven cloth: noise of several grains, longer across than down, and stripes."""
    noise = np.random.default_rng(seed).standard_normal((HEIGHT, WIDTH, 3)).astype(np.float32)
    grains = [s * cv2.GaussianBlur(noise, (0, 0), sigmaX=1.5 * s, sigmaY=s) for s in ROUGHNESS_PX]
    stripes = np.sin(np.arange(HEIGHT) / 3)[:, None, None]
    return np.asarray(12 * np.sum(grains, axis=0) + 10 * stripes, np.float32)


def draw_mask() -> Image:
    """(H, W) 255 = person: a head, a trunk and two legs."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(mask, (160, 110), 45, 255, -1)
    cv2.ellipse(mask, (160, 250), (75, 110), 0, 0, 360, 255, -1)
    for x in (120, 200):
        cv2.rectangle(mask, (x - 25, 300), (x + 25, 470), 255, -1)
    return mask


def draw_person(mask: Image) -> Image:
    """(H, W, 3) a textured person before a plain room, as a camera would see the edge: over one pixel or two."""
    alpha = cv2.GaussianBlur(mask, (0, 0), 0.8)[..., None] / 255
    person, room = 110 + draw_texture(1), np.float32(215)
    return to_image(alpha * person + (1 - alpha) * room)


def to_image(values: NDArray[np.floating]) -> Image:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def blur(picture: Image, sigma_px: float = 2.0) -> Image:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px))


def take_through(picture: Image, height_px: int = 128) -> Image:
    """Made small and enlarged again, to a quarter unless said otherwise, as 1080 px through 256."""
    small = cv2.resize(picture, (WIDTH * height_px // HEIGHT, height_px), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))


def shift(picture: Image, pixels: int = 1) -> Image:
    return np.roll(picture, (pixels, pixels), axis=(0, 1))


def add_noise(picture: Image, sigma: float = 8.0) -> Image:
    noise = np.random.default_rng(5).normal(0, sigma, (*picture.shape[:2], 1))
    return to_image(picture + noise)


def invent_detail(picture: Image) -> Image:
    """Blurred, and noise of the strength of what was lost put in its place."""
    soft = blur(picture)
    return add_noise(soft, float((picture.astype(np.float32) - soft).std()))


def fray(picture: Image, mask: Image) -> Image:
    """The outline cut again, jagged by a few pixels; what is inside stays."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    wobble = cv2.GaussianBlur(np.random.default_rng(7).standard_normal((HEIGHT, WIDTH, 2)), (0, 0), 1.5)
    wobble *= 2.5 / wobble.std()
    jagged = cv2.remap(
        mask, columns + wobble[..., 0].astype("f4"), rows + wobble[..., 1].astype("f4"), cv2.INTER_NEAREST
    )
    wide = cv2.dilate(mask, np.ones((15, 15), np.uint8)) > 0
    inside = cv2.erode(mask, np.ones((15, 15), np.uint8)) > 0
    cloth, room = to_image(110 + draw_texture(1)), np.uint8(215)
    cut = np.where(jagged[..., None] > 127, cloth, room)
    return np.where((wide & ~inside)[..., None], cut, picture)
