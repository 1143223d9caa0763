"""Point to micro-grid: one answer, always the same, and none where none is right."""

import math

from shapely import Polygon, box

from shared.geo.grid import GridIndex, GridPath, Overlay

WEST, EAST, NORTH = "14030200300100101", "14030200300100102", "14030200300200101"
TILES = [
    (NORTH, box(113.580, 37.861, 113.582, 37.862)),
    (EAST, box(113.581, 37.860, 113.582, 37.861)),
    (WEST, box(113.580, 37.860, 113.581, 37.861)),
]
BUSINESS = Overlay("14030200300000091", "business")
INTEGRATED = Overlay("14030200300000092", "integrated")
OVERLAYS = [
    (INTEGRATED, box(113.5805, 37.860, 113.590, 37.862)),
    (BUSINESS, box(113.5805, 37.860, 113.582, 37.862)),
]
INDEX = GridIndex(TILES, OVERLAYS)


def test_inside_gives_the_whole_path() -> None:
    assert INDEX.locate(113.5805, 37.8605) == GridPath("140302003", "140302003001", "140302003001001", WEST)
    assert INDEX.locate(113.5815, 37.8605) == GridPath.of(EAST)


def test_a_shared_edge_or_corner_goes_to_the_smaller_code_whatever_the_order_of_the_file() -> None:
    for tiles in (TILES, TILES[::-1]):
        index = GridIndex(tiles)
        assert index.locate(113.581, 37.8605) == GridPath.of(WEST)
        assert index.locate(113.5815, 37.861) == GridPath.of(EAST)
        assert index.locate(113.581, 37.861) == GridPath.of(WEST)


def test_a_point_that_only_rounding_moves_off_a_slanted_edge_still_goes_to_the_smaller_code() -> None:
    low = Polygon([(0, 0), (0.003, 0.001), (0.003, -0.001)])
    high = Polygon([(0, 0), (0.003, 0.001), (0, 0.002)])
    index = GridIndex([(EAST, low), (WEST, high)])
    for step in range(1, 100):
        assert index.locate(0.003 * step / 100, 0.001 * step / 100) == GridPath.of(WEST)


def test_outside_is_none_and_so_is_what_is_no_place() -> None:
    assert INDEX.locate(113.579, 37.8605) is None
    assert INDEX.locate(113.58 - 2e-7, 37.8605) is None
    assert INDEX.locate(math.nan, 37.8605) is None


def test_overlays_are_reported_beside_the_micro_grid_and_never_instead_of_it() -> None:
    assert INDEX.overlays(113.5815, 37.8605) == (BUSINESS, INTEGRATED)
    assert INDEX.locate(113.5815, 37.8605) == GridPath.of(EAST)
    assert INDEX.overlays(113.5802, 37.8605) == ()
    # In an overlay that reaches beyond the tiles there is still no micro-grid.
    assert INDEX.overlays(113.585, 37.861) == (INTEGRATED,)
    assert INDEX.locate(113.585, 37.861) is None


def test_an_uncertain_place_has_every_micro_grid_in_its_circle_as_candidate() -> None:
    paths = INDEX.near(113.5805, 37.8605, 20)
    assert [path.micro_grid for path in paths] == [WEST]
    # 44 m to the eastern edge, 56 m to the northern one.
    assert [path.micro_grid for path in INDEX.near(113.5805, 37.8605, 50)] == [WEST, EAST]
    assert [path.micro_grid for path in INDEX.near(113.5805, 37.8605, 60)] == [WEST, EAST, NORTH]


def test_an_index_without_polygons_knows_no_place() -> None:
    assert GridIndex([]).locate(113.58, 37.86) is None
    assert GridIndex([]).overlays(113.58, 37.86) == ()
    assert len(GridIndex([])) == 0


def test_the_label_is_what_signs_show() -> None:
    assert GridPath.of("14030200300300502").label == "003-05-02"
    assert GridPath.of("14030200300312302").label == "003-123-02"
