"""Whether two pictures show the same image, up to scale, compression and a cropped margin.

A perceptual hash of the whole picture cannot tell: cropping two per cent at one edge flips a third
of its bits, while flags, clocks and faces that are merely similar differ in fewer than ten. So the
pictures are aligned first: shift and scale along both axes are fitted (Gauss-Newton on the pixels,
as in Lucas and Kanade), and the remaining difference is judged block by block, less what the
contours in the block explain.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE, BLOCKS = 48, 12
_BLOCK = SIDE // BLOCKS
_STEPS = 4
# Largest shift of the centre, and of the edges relative to it, thumbnail pixels: 3 % cropped on one
# side or on both.
_REACH = 0.03 * SIDE
# Grey levels of difference that one grey level of local contrast explains: after alignment, and
# before it (a whole pixel off).
_ALIGNED_SLACK, _RAW_SLACK, _RAW_MARGIN = 0.3, 2.0, 4.0
_AXIS = np.linspace(-1, 1, SIDE, dtype=np.float32)
_POSITIONS = np.arange(SIDE, dtype=np.float32)
# The blur mixes pixels from beyond the border into the outermost ones; the other picture may lack
# them.
_INSIDE = np.pad(np.ones((SIDE - 2, SIDE - 2), dtype=np.float32), 1)

Thumbnail = npt.NDArray[np.uint8]


def thumbnail(rgb: Image.Image) -> Thumbnail:
    """A slightly blurred thumbnail, uint8 [48, 48, 3]."""
    small = np.asarray(rgb.resize((SIDE, SIDE), Image.Resampling.LANCZOS), dtype=np.uint16)
    padded = np.pad(small, [(1, 1), (1, 1), (0, 0)], "edge")
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    both = rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]
    return np.asarray((both + 8) // 16, dtype=np.uint8)


def block_means(thumbnails: Thumbnail) -> npt.NDArray[np.float32]:
    """Mean colours of blocks: uint8 [..., 48, 48, 3] → float32 [..., 12, 12, 3]."""
    parts = thumbnails.reshape(*thumbnails.shape[:-3], BLOCKS, _BLOCK, BLOCKS, _BLOCK, 3)
    return np.asarray(parts.mean((-4, -2), dtype=np.float32))


def block_contrasts(thumbnails: Thumbnail) -> npt.NDArray[np.float32]:
    """Mean absolute gradients of blocks: uint8 [..., 48, 48, 3] → float32 [..., 12, 12]."""
    grey = thumbnails.astype(np.float32)
    slopes = np.zeros(grey.shape[:-1], dtype=np.float32)
    slopes[..., :-1, :] += np.abs(np.diff(grey, axis=-3)).mean(-1)
    slopes[..., :, :-1] += np.abs(np.diff(grey, axis=-2)).mean(-1)
    return _blocks(slopes)


def may_be_copies(
    means: npt.NDArray[np.float32],
    contrasts: npt.NDArray[np.float32],
    other_means: npt.NDArray[np.float32],
    other_contrasts: npt.NDArray[np.float32],
) -> npt.NDArray[np.bool_]:
    """A cheap test of one picture against n others → [n], which near-copies pass."""
    unlike = np.abs(means - other_means).mean(-1) - _RAW_SLACK * np.maximum(contrasts, other_contrasts)
    return np.asarray(unlike.max((-2, -1)) <= _RAW_MARGIN)


def difference(one: Thumbnail, other: Thumbnail) -> float:
    """The largest local difference of two pictures after alignment, in grey levels (0 to 255).

    The mean difference over the worst of 12 x 12 blocks, less 0.3 of the block's contrast:
    resampling moves contours a little. Either may be the cropped one. Measured on the sample:
    near-copies reach 1.9; a face with a slightly different mouth has 2.1, the next drawings 2.5 and
    more.
    """
    contrast = np.maximum(block_contrasts(one), block_contrasts(other))
    first, second = one.astype(np.float32), other.astype(np.float32)
    return min(
        float((_blocks(np.abs(residual).mean(-1) * _INSIDE) - _ALIGNED_SLACK * contrast).max())
        for residual in (_residual(first, second), _residual(second, first))
    )


def _residual(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """`one` minus `other`, with `other` shifted and scaled along both axes for the best fit."""
    fit = np.zeros(4, dtype=np.float32)  # shift and stretch of columns, then of rows
    best, least = one - other, np.inf
    for _ in range(_STEPS + 1):
        warped = _warp(other, fit)
        residual = one - warped
        error = float(np.square(residual).mean())
        if error < least:
            best, least = residual, error
        across, down = np.zeros_like(warped), np.zeros_like(warped)
        across[:, 1:-1] = (warped[:, 2:] - warped[:, :-2]) / 2
        down[1:-1] = (warped[2:] - warped[:-2]) / 2
        slopes = np.stack([across, across * _AXIS[None, :, None], down, down * _AXIS[:, None, None]]).reshape(4, -1)
        # The ridge keeps a blank picture, whose fit is arbitrary, in position.
        normal = slopes @ slopes.T + 0.01 * SIDE**2 * np.eye(4, dtype=np.float32)
        fit = np.clip(fit + np.linalg.solve(normal, slopes @ residual.ravel()), -_REACH, _REACH).astype(np.float32)
    return best


def _warp(picture: npt.NDArray[np.float32], fit: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    columns, rows = _interpolation(fit[0], fit[1]), _interpolation(fit[2], fit[3])
    moved = (rows @ picture.reshape(SIDE, -1)).reshape(SIDE, SIDE, 3)
    return np.asarray(np.matmul(columns, moved))


def _interpolation(shift: float, stretch: float) -> npt.NDArray[np.float32]:
    """[48, 48]: row i interpolates at i + shift + stretch * x_i, with x from -1 to 1."""
    positions = np.clip(_POSITIONS + shift + stretch * _AXIS, 0, SIDE - 1)
    return np.asarray(np.maximum(0, 1 - np.abs(positions[:, None] - _POSITIONS[None])), dtype=np.float32)


def _blocks(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    parts = values.reshape(*values.shape[:-2], BLOCKS, _BLOCK, BLOCKS, _BLOCK)
    return np.asarray(parts.mean((-3, -1), dtype=np.float32))
