"""The colours of teams stay apart for readers without one kind of cone, and stand out from paper."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from service.route_colours import TEAM_COLOURS, TEAM_DASHES, team_colour, team_dash

# Machado, Oliveira, Fernandes (2009), severity 1, on linear RGB
VISIONS = {
    "all cones": np.eye(3),
    "no red cones": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green cones": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue cones": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    t = XYZ @ np.clip(rgb, 0, 1) / np.array([0.95047, 1, 1.08883])
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISIONS)
def test_any_two_teams_differ_visibly(vision):
    seen = [lab(np.array(VISIONS[vision]) @ linear(colour)) for colour in TEAM_COLOURS]
    # a difference of 2.3 is just noticeable
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 15
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen[:3], 2)) > 35


@pytest.mark.parametrize("colour", TEAM_COLOURS)
def test_every_colour_stands_out_from_white_as_a_line_must(colour):
    assert 1.05 / (XYZ[1] @ linear(colour) + 0.05) >= 3  # WCAG 2.1, 1.4.11


def test_without_colour_the_strokes_tell_twelve_teams_apart():
    assert len(TEAM_COLOURS) == len(set(TEAM_COLOURS)) == len(TEAM_DASHES) == len(set(TEAM_DASHES)) == 12


def test_the_thirteenth_team_begins_again():
    assert (team_colour(12), team_dash(12)) == (team_colour(0), team_dash(0))
    assert team_colour(11) != team_colour(12)
