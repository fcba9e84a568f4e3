"""Pictures through an encoder and back."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

SUBSAMPLINGS = (
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
)


def through_jpeg(
    picture: np.ndarray, quality: int, subsampling: int = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
) -> np.ndarray:
    """Returns a uint8 RGB picture as JPEG gives it back.

    Args:
        picture: `[height, width, 3]`.
        quality: 1 to 100.
        subsampling: of the chroma, one of `SUBSAMPLINGS`.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, subsampling]
    # Turning the channels by cvtColor costs a tenth of what a reversed view does.
    data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1]
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def through_webp(picture: np.ndarray, quality: int) -> np.ndarray:
    """Returns a uint8 RGB picture as lossy WebP gives it back.

    Args:
        picture: `[height, width, 3]`.
        quality: 1 to 100.
    """
    target = io.BytesIO()
    # OpenCV cannot ask for the quickest method, which takes half of the time.
    Image.fromarray(picture).save(target, "WEBP", quality=quality, method=0)
    data = np.frombuffer(target.getbuffer(), np.uint8)
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
