"""The values of plait.toml."""

import pytest

from plait.local.mistake import Mistake
from plait.local.project import Project, Service, nearest, port_variable


def test_a_service_that_is_not_there_is_refused_with_the_nearest(tmp_path):
    project = Project(
        root=tmp_path, name="p", services=(Service(name="catalog", module="m", port=1),)
    )

    with pytest.raises(Mistake, match=r"which has: catalog; did you mean 'catalog'\?"):
        project.service("catalogue")


def test_a_project_without_services_says_so(tmp_path):
    with pytest.raises(Mistake, match="which has: none"):
        Project(root=tmp_path, name="p").service("catalog")


def test_a_hyphen_of_a_name_is_an_underscore_of_its_variable():
    assert port_variable("gift-cards") == "PLAIT_PORT_GIFT_CARDS"


def test_what_is_like_nothing_has_no_nearest():
    assert nearest("zzz", ["catalog"]) == ""
