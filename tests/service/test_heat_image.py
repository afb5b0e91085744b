"""Pictures of surfaces: fixed classes, a palette that every eye and a grey printer can read."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from service.heat_image import CLASSES, INFERNO, RDBU, Scale, png, square_root_scale


def linear(colours):
    """sRGB in [0, 1] as linear light (IEC 61966-2-1)."""
    rgb = np.array([[int(colour[at : at + 2], 16) for at in (0, 2, 4)] for colour in colours]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(light):
    """CIELAB under D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = light.clip(0, 1) @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.column_stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])])


# Machado, Oliveira and Fernandes (2009), severity 1.0, for linear light
EYES = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


@pytest.mark.parametrize("eye", EYES)
def test_neighbouring_classes_differ_to_every_eye(eye):
    drawn = (*RDBU[:3], *RDBU[4:])  # what is not significant is not drawn
    seen = lab(linear(drawn) @ EYES[eye].T)
    apart = np.sqrt(((seen[:, None] - seen[None]) ** 2).sum(-1))[np.triu_indices(6, 1)]
    assert apart.min() >= 10
    seen = lab(linear(INFERNO) @ EYES[eye].T)
    assert np.sqrt((np.diff(seen, axis=0) ** 2).sum(-1)).min() >= 5


def test_density_darkens_from_step_to_step_so_that_grey_paper_says_the_same():
    lightness = lab(linear(INFERNO))[:, 0]
    assert (np.diff(lightness) < 0).all()
    assert lightness[0] > 90 and lightness[-1] < 15


def test_both_arms_of_the_test_classes_darken_outwards():
    lightness = lab(linear(RDBU))[:, 0]
    assert (np.diff(lightness[:4]) > 0).all() and (np.diff(lightness[3:]) < 0).all()


def test_breaks_are_squares_of_equal_steps_with_two_figures():
    scale = square_root_scale(144.0)
    assert scale.breaks == (0, 1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 120, 150)
    assert len(scale.colours) == CLASSES == len(scale.breaks) - 1


@pytest.mark.parametrize("most", [1e-9, 0.037, 1.0, 7.77, 999.4, 1001.09, 3.2e8])
def test_the_highest_value_lies_below_the_last_break(most):
    scale = square_root_scale(most)
    assert scale.breaks[-1] >= most
    assert scale.breaks[-1] <= 1.1 * most
    assert list(scale.breaks) == sorted(set(scale.breaks))


@pytest.mark.parametrize("most", [0.0, -1.0, float("nan"), float("inf")])
def test_without_a_highest_value_there_is_a_scale_all_the_same(most):
    assert square_root_scale(most) == square_root_scale(1.0)


def test_a_value_on_a_break_belongs_to_the_class_above():
    scale = Scale((0.0, 1.0, 4.0, 9.0), ("ffffff", "888888", "000000"))
    values = np.array([0.0, 0.99, 1.0, 3.99, 4.0, 9.0, 90.0, np.nan, -1.0])
    assert scale.classes(values).tolist() == [0, 0, 1, 1, 2, 2, 2, 0, 0]


def test_a_picture_is_a_palette_whose_first_class_is_see_through():
    classes = np.array([[0, 1], [2, 3]], dtype=np.uint8)
    with Image.open(io.BytesIO(png(classes, RDBU, opaque=205))) as picture:
        assert picture.mode == "P"
        seen = np.array(picture.convert("RGBA"))
    assert seen[0, 0, 3] == 0
    assert (seen[[0, 1, 1], [1, 0, 1], 3] == 205).all()
    assert bytes(seen[1, 1, :3]).hex() == RDBU[3]


def test_twelve_classes_of_a_city_weigh_little():
    y, x = np.mgrid[-3:3:800j, -3:3:800j]
    waves = np.exp(-((x - 1) ** 2 + y**2)) + 0.4 * np.exp(-8 * ((x + 1) ** 2 + (y - 1) ** 2))
    scale = square_root_scale(float(waves.max()))
    assert len(png(scale.classes(waves), scale.colours)) < 50_000
