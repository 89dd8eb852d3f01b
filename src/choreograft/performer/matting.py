"""stub"""

import cv2, numpy as np


def find_matte(picture, mask, plate):
    m = cv2.GaussianBlur(mask, (0, 0), 2)
    return m, picture
