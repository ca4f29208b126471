"""dev.py: readable to old Pythons, quick when nothing changed, clear when something is wrong."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import dev
from devtools import main, servers
from devtools.terminal import Stop, bar, call_counting


def advice_of(arguments: list[str]) -> str:
    """Call the one function whose types an old Python could not read."""
    return str(dev.advice(arguments))  # type: ignore[no-untyped-call]


def test_dev_py_can_be_read_by_old_pythons(repository: Path) -> None:
    """Otherwise an old one answers with a syntax error and not with what to do."""
    text = (repository / "dev.py").read_text(encoding="utf-8")
    tree = ast.parse(text, feature_version=(3, 4))

    assert text.isascii(), "Python 2 refuses other letters without a declaration"
    newer_than_python_2 = (ast.JoinedStr, ast.AnnAssign, ast.Nonlocal, ast.AsyncFunctionDef, ast.Starred)
    assert [node for node in ast.walk(tree) if isinstance(node, newer_than_python_2)] == []
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [
        node.name for node in functions if node.returns or any(arg.annotation for arg in node.args.args)
    ] == []
    assert [node for node in ast.walk(tree) if isinstance(node, ast.arguments) and node.kwonlyargs] == []


def test_an_old_python_is_told_in_one_line_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line repeats the command with a newer Python when there is one."""
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    monkeypatch.setattr(dev, "works", lambda name: name == "python3.12")
    assert advice_of(["run", "--quick"]) == (
        "OxyWatch needs Python 3.11 or newer and this is 3.8; run: python3.12 dev.py run --quick"
    )
    monkeypatch.setattr(dev, "works", lambda name: False)
    line = advice_of(["test"])
    assert "install one" in line
    assert "\n" not in line


def test_the_right_python_is_not_sent_away() -> None:
    done = subprocess.run([sys.executable, dev.__file__, "help"], capture_output=True, text=True, check=True)
    assert "python3 dev.py COMMAND" in done.stdout


def test_an_unknown_command_is_answered_with_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["tset"]) == 2
    printed = capsys.readouterr().out
    assert "does not know 'tset'" in printed
    assert "check" in printed


def test_an_option_that_is_not_understood_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """`dev.py check --fix` must not quietly check without fixing."""
    assert main.main(["check", "--fix"]) == 2
    assert "takes no --fix" in capsys.readouterr().out


def test_a_failing_step_shows_its_last_words(capsys: pytest.CaptureFixture[str]) -> None:
    """The reader sees why, and what to do."""
    command = [sys.executable, "-c", "print('no route to host'); raise SystemExit(1)"]
    with pytest.raises(Stop, match="look at the network"):
        call_counting(command, "Installing", 3, lambda line: True, "look at the network")
    assert "no route to host" in capsys.readouterr().out


@pytest.mark.parametrize(("done", "filled"), [(0, 0), (5, 15), (10, 30), (12, 30)])
def test_the_bar_never_leaves_its_width(done: int, filled: int) -> None:
    drawn = bar(done, 10)
    assert len(drawn) == 30
    assert drawn.count("█") == filled


class TestServers:
    """What `dev.py test` does about servers that are not installed."""

    @pytest.fixture(autouse=True)
    def nothing_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(servers, "_found", lambda name: False)
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        monkeypatch.setattr(shutil, "which", lambda name, **_: f"/usr/bin/{name}")

    def test_in_ci_a_missing_server_stops_the_run(self) -> None:
        with pytest.raises(Stop, match=r"sudo apt-get install .*influxdb"):
            servers.ensure_servers(strict=True)

    def test_elsewhere_the_command_to_install_is_printed(self, capsys: pytest.CaptureFixture[str]) -> None:
        servers.ensure_servers(strict=False)
        printed = capsys.readouterr().out
        assert "sudo apt-get install --no-install-recommends chromium" in printed
        assert "left out" in printed

    def test_services_are_kept_off_while_installing(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """The policy stands while apt-get works and is gone afterwards."""
        policy = tmp_path / "policy-rc.d"
        monkeypatch.setattr(servers, "POLICY", policy)
        with servers._services_stay_off():
            assert os.access(policy, os.X_OK)
            assert subprocess.run([policy, "mosquitto", "start"], check=False).returncode == 101
        assert not policy.exists()

    def test_a_policy_of_the_machine_is_left_alone(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        policy = tmp_path / "policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 104\n", encoding="ascii")
        monkeypatch.setattr(servers, "POLICY", policy)
        with servers._services_stay_off():
            pass
        assert policy.read_text(encoding="ascii") == "#!/bin/sh\nexit 104\n"


def test_setup_twice_does_nothing_the_second_time(repository: Path) -> None:
    """The stamp is read and nothing is installed; far quicker than any installation could be."""
    command = [sys.executable, str(repository / "dev.py"), "setup"]
    subprocess.run(command, capture_output=True, check=True)
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Installing" not in done.stdout
    assert time.monotonic() - began < 5
