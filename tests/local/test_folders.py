"""Where a local run keeps its things."""

import stat

from plait.local.folders import Folders, write_private


def test_what_holds_secrets_is_closed_to_others(tmp_path):
    folders = Folders(root=tmp_path)

    folders.create()
    folders.create()

    for folder in (folders.run, folders.keys, folders.tokens, folders.mail):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folders.data.is_dir()
    assert folders.logs.is_dir()


def test_everything_lies_under_one_folder(tmp_path):
    folders = Folders(root=tmp_path)

    paths = [
        folders.workload_jwks,
        folders.login,
        folders.login_lock,
        folders.mail,
        folders.secret("API_KEY"),
        folders.untold("API_KEY"),
        folders.lock,
        folders.supervisor_log,
        folders.log("catalog"),
        folders.database("catalog"),
        folders.unseeded("catalog"),
    ]

    assert all(path.is_relative_to(tmp_path / ".plait") for path in paths)
    assert len(set(paths)) == len(paths)


def test_a_private_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "token"
    write_private(path, "old")
    before = path.open()

    write_private(path, "new")

    assert before.read() == "old"
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    before.close()
