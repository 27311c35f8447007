"""covidlib.gradcam: the pointing game. The maps themselves are tested with the networks."""

from __future__ import annotations

import numpy as np

from covidlib.gradcam import HeatMap, points_at


def test_a_map_hits_where_its_highest_cell_touches_the_mask() -> None:
    maps = np.zeros((4, 4, 4), np.float32)
    maps[0, 1, 2] = maps[1, 1, 2] = maps[2, 1, 2] = 1
    has_gradient = np.array([True, True, False, False])
    masks = np.zeros((4, 16, 16), bool)
    masks[0, 7, 8] = masks[2, 7, 8] = True  # the last row and first column of that cell
    masks[1, 8, 8] = masks[1, 7, 7] = True  # one pixel below, one to the left
    masks[3] = True
    heat = HeatMap("post_relu", maps, has_gradient, np.zeros((4, 2), np.float32))
    assert points_at(heat, masks).tolist() == [True, False, False, False]
