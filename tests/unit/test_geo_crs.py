"""Coordinate systems: the published vector, round trips, and no guess about what was not said."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.geo.crs import CRS, distance_m, outside_china, to_bd09, to_gcj02, to_wgs84
from tests.support import crs_oracle

P0 = (113.58, 37.857)
P0_GCJ02 = (113.586403, 37.857503)
FORWARD = {"wgs84": lambda lng, lat: (lng, lat), "gcj02": to_gcj02, "bd09": to_bd09}


def test_scenario_13_a_gcj02_point_is_within_a_metre_of_where_it_was_taken() -> None:
    assert distance_m(to_wgs84(*P0_GCJ02, "gcj02"), P0) < 1.0
    assert to_gcj02(*P0) == pytest.approx(P0_GCJ02, abs=1e-6)


def test_scenario_13_the_same_numbers_with_the_wrong_tag_are_565_m_away() -> None:
    assert distance_m(to_wgs84(*P0_GCJ02, "wgs84"), P0) == pytest.approx(565, abs=1)


@pytest.mark.parametrize("crs", [None, "", "WGS84", "epsg:4326"])
def test_scenario_13_without_a_known_crs_the_place_is_refused(crs: str | None) -> None:
    with pytest.raises(Invalid) as refusal:
        to_wgs84(*P0_GCJ02, crs)
    assert refusal.value.status == 422
    assert [error.field for error in refusal.value.errors] == ["place.crs"]


@pytest.mark.parametrize("point", [(11.885127, 43.467448), (-74.0, 40.7), (113.58, -37.857), (72.0, 39.0)])
def test_scenario_13_outside_china_gcj02_is_the_identity(point: tuple[float, float]) -> None:
    assert to_gcj02(*point) == point
    assert to_wgs84(*point, "gcj02") == point


def test_scenario_14_there_and_back_is_under_half_a_metre_in_the_subdistrict() -> None:
    random = Random(14)
    points = [(random.uniform(113.567, 113.593), random.uniform(37.850, 37.870)) for _ in range(1000)]
    for crs in CRS:
        worst = max(distance_m(point, to_wgs84(*FORWARD[crs](*point), crs)) for point in points)
        assert worst < 0.5, f"{crs}: {worst} m"


@given(lng=st.floats(74, 135), lat=st.floats(18, 53.5), crs=st.sampled_from(CRS))
def test_there_and_back_everywhere_in_china(lng: float, lat: float, crs: str) -> None:
    assert distance_m((lng, lat), to_wgs84(*FORWARD[crs](lng, lat), crs)) < 0.5


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        # eviltransform's test suite (Shanghai, Shenzhen, Beijing) and coordtransform's documentation
        ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
        ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
        ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
        ((116.404, 39.915), (116.41024449916938, 39.91640428150164)),
        # its edge cases outside China
        ((-104.9903, 39.7392), (-104.9903, 39.7392)),
        ((153.0251, -27.4698), (153.0251, -27.4698)),
    ],
)
def test_the_published_vectors(wgs84: tuple[float, float], gcj02: tuple[float, float]) -> None:
    assert to_gcj02(*wgs84) == pytest.approx(gcj02, abs=1e-6)
    assert distance_m(to_wgs84(*gcj02, "gcj02"), wgs84) < 0.5


def test_the_published_vectors_of_bd09() -> None:
    assert to_bd09(116.404, 39.915) == pytest.approx((116.41662724378733, 39.922699552216216), abs=1e-9)
    # coordtransform's own way back, which is one step of an approximation
    assert distance_m(to_wgs84(116.404, 39.915, "bd09"), (116.3913836995125, 39.907253214522164)) < 1


@given(lng=st.floats(74, 135), lat=st.floats(18, 53.5))
def test_the_oracle_agrees_everywhere_in_china(lng: float, lat: float) -> None:
    shifted = crs_oracle.gcj02((lng, lat))
    assert distance_m(to_gcj02(lng, lat), shifted) < 1e-3
    assert distance_m(to_bd09(lng, lat), crs_oracle.bd09(shifted)) < 1e-3


def test_the_oracle_finds_the_same_way_back() -> None:
    random = Random(13)
    for _ in range(20):
        point = random.uniform(113.567, 113.593), random.uniform(37.850, 37.870)
        assert distance_m(to_wgs84(*point, "gcj02"), crs_oracle.back(crs_oracle.gcj02, point)) < 0.01

        def both(p: tuple[float, float]) -> tuple[float, float]:
            return crs_oracle.bd09(crs_oracle.gcj02(p))

        assert distance_m(to_wgs84(*point, "bd09"), crs_oracle.back(both, point)) < 0.01


def test_bd09_lies_a_kilometre_or_so_from_wgs84() -> None:
    # The figure every BD-09 library agrees on for the Beijing sample point of the field's test suites.
    assert to_bd09(*to_wgs84(116.404, 39.915, "gcj02")) == pytest.approx((116.41036949, 39.92133699), abs=1e-6)


def test_the_rectangle_of_the_field_ends_where_it_ends() -> None:
    assert not outside_china(72.004, 0.8293)
    assert outside_china(72.003, 30)
    assert outside_china(137.835, 30)
    assert outside_china(100, 55.828)


@pytest.mark.parametrize(
    ("lng", "lat", "field"),
    [(181, 0, "place.lng"), (math.nan, 0, "place.lng"), (37.857, 113.58, "place.lat"), (0, -math.inf, "place.lat")],
)
def test_no_coordinate_names_the_field(lng: float, lat: float, field: str) -> None:
    for crs in CRS:
        with pytest.raises(Invalid) as refusal:
            to_wgs84(lng, lat, crs)
        assert refusal.value.errors[0].field == field


def test_a_hundred_thousandth_of_a_degree_in_metres() -> None:
    # The design's own figures at P0: 1.11 m north, 0.88 m east.
    assert distance_m(P0, (P0[0], P0[1] + 1e-5)) == pytest.approx(1.11, abs=0.005)
    assert distance_m(P0, (P0[0] + 1e-5, P0[1])) == pytest.approx(0.88, abs=0.005)
