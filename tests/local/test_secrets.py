"""The secrets of services: made once, private, and shown to a person once."""

import re
import stat

import pytest

from plait.local import secrets
from plait.local.folders import Folders
from plait.local.mistake import Mistake
from plait.local.project import Project, Secret, Service

KEY = Secret(name="API_KEY")
PASSWORD = Secret(name="ADMIN_PASSWORD", show="the admin's password")


@pytest.fixture
def folders(tmp_path):
    made = Folders(root=tmp_path)
    made.create()
    return made


@pytest.fixture
def project(tmp_path):
    guarded = Service(name="identity", module="i", port=1, secrets=(KEY, PASSWORD))
    return Project(
        root=tmp_path, name="p", services=(guarded, Service(name="open", module="o", port=2))
    )


def test_a_secret_is_made_once_and_stays(project, folders):
    first = secrets.load_or_make(project, folders, {})
    again = secrets.load_or_make(project, folders, {})

    assert first.values == again.values
    assert first.values["API_KEY"] != first.values["ADMIN_PASSWORD"]


def test_every_project_has_its_own(project, folders, tmp_path_factory):
    other = Folders(root=tmp_path_factory.mktemp("other"))
    other.create()

    here, there = (secrets.load_or_make(project, where, {}) for where in (folders, other))

    assert not set(here.values.values()) & set(there.values.values())


def test_a_secret_for_a_person_can_be_read_and_one_for_programs_is_long(project, folders):
    made = secrets.load_or_make(project, folders, {}).values

    assert re.fullmatch(r"[a-zA-Z3-9]{20}", made["ADMIN_PASSWORD"])
    assert not set("0Oo1lIiS5B8Z2") & set(made["ADMIN_PASSWORD"])
    assert len(made["API_KEY"]) >= 43


def test_only_this_user_reads_a_secret(project, folders):
    secrets.load_or_make(project, folders, {})

    assert {stat.S_IMODE(path.stat().st_mode) for path in folders.keys.iterdir()} == {0o600}
    assert folders.secret("API_KEY").is_file()


def test_a_secret_is_told_to_its_own_service(project, folders):
    made = secrets.load_or_make(project, folders, {})

    identity, open_one = project.services
    assert made.of(identity) == made.values
    assert made.of(open_one) == {}


def test_a_secret_of_the_environment_is_used_and_not_kept(project, folders):
    made = secrets.load_or_make(project, folders, {"ADMIN_PASSWORD": "mine", "API_KEY": ""})

    assert made.values["ADMIN_PASSWORD"] == "mine"
    assert made.values["API_KEY"]
    assert not folders.secret("ADMIN_PASSWORD").exists()
    assert secrets.telling(project, folders)() == []


def test_a_secret_for_a_person_is_shown_once(project, folders):
    made = secrets.load_or_make(project, folders, {}).values
    tell = secrets.telling(project, folders)

    assert tell() == [
        "Made for you, and shown this once:",
        f"  the admin's password: {made['ADMIN_PASSWORD']}",
        "    (again: cat .plait/keys/ADMIN_PASSWORD.secret)",
    ]
    secrets.load_or_make(project, folders, {})
    assert tell() == []
    assert (folders.root / ".plait/keys/ADMIN_PASSWORD.secret").read_text().strip() == (
        made["ADMIN_PASSWORD"]
    )


def test_a_secret_that_nobody_has_seen_yet_is_shown_with_the_next_start(project, folders):
    secrets.load_or_make(project, folders, {})
    secrets.load_or_make(project, folders, {})

    assert secrets.telling(project, folders)()


def test_one_secret_can_be_read_by_itself(project, folders):
    made = secrets.load_or_make(project, folders, {}).values

    assert secrets.read("ADMIN_PASSWORD", folders, {}) == made["ADMIN_PASSWORD"]
    assert secrets.read("ADMIN_PASSWORD", folders, {"ADMIN_PASSWORD": "mine"}) == "mine"


def test_a_secret_that_is_not_there_is_named_with_what_makes_it(folders):
    with pytest.raises(Mistake, match=r"no .*API_KEY\.secret: `plait up` makes it, or set API_KEY"):
        secrets.read("API_KEY", folders, {})


def test_a_file_that_holds_nothing_is_refused_with_what_to_do(project, folders):
    folders.secret("API_KEY").write_text("\n")

    with pytest.raises(Mistake, match=r"API_KEY\.secret holds nothing: remove it"):
        secrets.load_or_make(project, folders, {})


def test_secrets_are_not_in_what_is_printed(project, folders):
    made = secrets.load_or_make(project, folders, {})

    assert repr(made) == "Secrets(API_KEY, ADMIN_PASSWORD)"
