"""Two processes do not write to one folder."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from kdml.common.errors import UserError
from kdml.common.locks import NAME, Holder, alone_in, holder_of
from kdml.common.source_code import SOURCE

HOLD = """
import sys, time
from pathlib import Path
from kdml.common.locks import alone_in
with alone_in(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path, monkeypatch):
    """Another process that holds the folder."""
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    command = [sys.executable, "-c", HOLD, tmp_path]
    process = subprocess.Popen(command, cwd=SOURCE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_process_is_told_who_is_there(holder, tmp_path):
    who = rf"Another process writes to .*process {holder.pid} of SLURM job 4711 on .*since \d"
    with pytest.raises(UserError, match=who), alone_in(tmp_path):
        pass
    assert holder.poll() is None and (tmp_path / NAME).exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_holds_nothing(holder, tmp_path, number):
    holder.send_signal(number)
    holder.wait()
    with alone_in(tmp_path):
        assert (tmp_path / NAME).exists()
    assert list(tmp_path.iterdir()) == []


def test_it_is_let_go_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), alone_in(tmp_path):
        raise RuntimeError
    with alone_in(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_removed_while_it_was_opened_is_not_taken_for_a_lock(tmp_path, monkeypatch):
    """The holder removes it when it ends, maybe just before we lock what we opened."""
    real, calls = fcntl.flock, []

    def lock(file, how):
        calls.append(how)
        if len(calls) == 1:
            (tmp_path / NAME).unlink()
        return real(file, how)

    monkeypatch.setattr(fcntl, "flock", lock)
    with alone_in(tmp_path):
        assert len(calls) == 2 and (tmp_path / NAME).exists()


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch, caplog):
    def refuse(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with alone_in(tmp_path):
        pass
    assert "no locks (No locks available)" in caplog.text


def test_who_holds_a_folder_is_seen_without_disturbing_it(holder, tmp_path):
    seen = holder_of(tmp_path / NAME)
    assert seen.holds and seen.process == f"{holder.pid} of SLURM job 4711" and seen.host == socket.gethostname()
    assert holder.poll() is None
    assert holder_of(tmp_path / "other" / NAME) is None


def test_a_killed_holder_holds_no_more_and_is_named(holder, tmp_path):
    holder.kill()
    holder.wait()
    assert holder_of(tmp_path / NAME).holds is False and str(holder.pid) in holder_of(tmp_path / NAME).process


@pytest.mark.parametrize("text", ["", "{", "[]", '{"colour": "y"}'])
def test_a_lock_that_nobody_holds_and_nothing_can_be_read_from(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    assert holder_of(tmp_path / NAME) == Holder(holds=False)


def test_a_lock_of_another_host_cannot_be_told_from_here(tmp_path):
    (tmp_path / NAME).write_text('{"host": "node-of-a-cluster", "process": "7", "since": "today"}')
    assert holder_of(tmp_path / NAME) == Holder("node-of-a-cluster", "7", "today", None)


def test_a_look_at_the_lock_keeps_nobody_out(tmp_path):
    """A reader holds it for an instant: a training that comes just then tries again."""
    (tmp_path / NAME).write_text("")
    reader = os.open(tmp_path / NAME, os.O_RDONLY)
    fcntl.flock(reader, fcntl.LOCK_SH)
    threading.Timer(0.06, os.close, [reader]).start()
    with alone_in(tmp_path):
        assert holder_of(tmp_path / NAME).holds
