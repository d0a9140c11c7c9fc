"""The corpus itself: complete, the same each time, and aimed at every endpoint."""

from __future__ import annotations

from collections import Counter

import pytest
from fastapi.routing import APIRoute

from benchmarks.hostile.bodies import bodies
from benchmarks.hostile.connections import talks
from benchmarks.hostile.corpus import pictures
from benchmarks.hostile.endpoints import endpoints, good
from benchmarks.hostile.run import picked, picked_bodies
from vultus.imaging.sniff import sniff
from vultus.server.app import create_app
from vultus.settings import Settings

pytestmark = pytest.mark.unit


def test_there_are_more_than_300_pictures_of_different_names() -> None:
    names = Counter(picture.name for picture in pictures())
    assert len(names) >= 300
    assert not [name for name, count in names.items() if count > 1]


def test_a_picture_is_the_same_each_time() -> None:
    light = [picture for picture in pictures() if not picture.is_heavy][::9]
    again = {picture.name: picture for picture in pictures()}
    assert all(picture.make() == again[picture.name].make() for picture in light)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "WebP", "BMP", "ICO"])
def test_every_format_is_cut_at_many_places_and_has_its_bombs(kind: str) -> None:
    names = [picture.name for picture in pictures() if picture.name.startswith(kind)]
    assert sum(" cut " in name for name in names) >= 5
    assert any("bomb" in name for name in names)


def test_every_endpoint_that_takes_pictures_is_attacked() -> None:
    app = create_app(Settings(runtime="dummy"))
    posts = {
        route.path.rstrip("/")
        for route in app.routes
        if isinstance(route, APIRoute) and "POST" in (route.methods or ())
    }
    assert posts == {endpoint.path.partition("?")[0] for endpoint in endpoints()}


def test_the_sample_has_every_picture_and_every_endpoint() -> None:
    found = pictures()
    sample = list(picked(found, endpoints(), quick=True))
    assert [picture.name for picture, _ in sample] == [picture.name for picture in found]
    assert {endpoint.name for _, endpoint in sample} == {endpoint.name for endpoint in endpoints()}
    assert {endpoint.name for _, endpoint in picked_bodies(endpoints(), quick=True)} >= {
        endpoint.name for endpoint in endpoints() if endpoint.template
    }


def test_the_whole_is_every_picture_with_every_endpoint() -> None:
    found = pictures()[:3]
    assert len(list(picked(found, endpoints(), quick=False))) == 3 * len(endpoints())


def test_bodies_and_connections_have_names_of_their_own() -> None:
    for endpoint in endpoints():
        names = Counter(body.name for body in bodies(endpoint))
        assert not [name for name, count in names.items() if count > 1]
    assert len({talk.name for talk in talks()}) == len(talks())


def test_what_is_damaged_was_good() -> None:
    assert sniff(good()) == "jpeg"
