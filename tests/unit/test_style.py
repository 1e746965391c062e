"""What figures share: shades of one hue, room for a legend, numbers on short logarithmic axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from copympi.report import style


@pytest.fixture
def axes() -> Any:
    with style.drawing(style.SMALL):
        yield style.panels(1, 1, (4.0, 3.0))[1][0, 0]


def test_shades_go_from_pale_to_dark() -> None:
    for count in (2, 3, 7):
        light = [sum(colour) for colour in style.shades(style.COLOURS[0], count)]
        assert len(light) == count
        assert np.all(np.diff(light) < -0.05)
    (own,) = style.shades(style.COLOURS[0], 1)
    assert np.allclose(own, (0, 0x72 / 255, 0xB2 / 255))


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_headroom_leaves_a_share_of_the_panel_free(axes: Any, scale: str) -> None:
    axes.plot([1, 2, 3], [1.0, 30.0, 200.0])
    axes.set_yscale(scale)
    bottom, top = axes.get_ylim()
    style.headroom(axes, 0.3)
    assert axes.get_ylim()[0] == bottom
    there = axes.transAxes.inverted().transform(axes.transData.transform((2, top)))
    assert there[1] == pytest.approx(0.7)


def shown(axis: Any) -> list[str]:
    low, high = axis.get_view_interval()
    where = [place for place in axis.get_majorticklocs() if low <= place <= high]
    return [axis.get_major_formatter()(place) for place in where]


def test_short_logarithmic_axes_have_more_than_one_number(axes: Any) -> None:
    axes.set(xscale="log", yscale="log", xlim=(30, 700), ylim=(0.5, 2e4))
    style.decades(axes)
    assert shown(axes.xaxis) == ["50", "100", "200", "500"]
    assert len(shown(axes.yaxis)) == 5  # 1, 10, ..., 10^4
    axes.set_xlim(0.8, 90)
    style.plain_decades(axes.xaxis)
    assert shown(axes.xaxis) == ["1", "10"]
