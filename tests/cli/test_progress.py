"""How far a run is, and where its time went."""

import re

import pytest

from datasette_revimg.cli.progress import Progress, duration
from datasette_revimg.embedding.counts import Counts
from datasette_revimg.store.writing import Failure
from kit.command import run
from kit.shapes import drawing


class Clock:
    """A clock that goes on only when it is told."""

    seconds = 1000.0

    def __call__(self):
        return self.seconds


def lines(capsys, silent=False):
    """Return what is printed over 40 pictures, one in 5 seconds, of which the fourth fails."""
    clock, counts = Clock(), Counts()
    with Progress("photos", 40, counts, silent=silent, clock=clock) as progress:
        for number in range(1, 41):
            clock.seconds += 5
            counts.embedded += number != 4
            progress.step(Failure(("a", 4), "damaged") if number == 4 else None)
    return capsys.readouterr().err.splitlines()


def test_a_line_a_minute_where_there_is_no_terminal(capsys):
    assert lines(capsys) == [
        "photos a,4: damaged",
        # 11 in 60 seconds; 28 at 5 seconds each are left.
        "photos: 12 of 40 done, 0.2 images/s, 1 failed, about 2 min left",
        "photos: 24 of 40 done, 0.2 images/s, 1 failed, about 80 s left",
        "photos: 36 of 40 done, 0.2 images/s, 1 failed, about 20 s left",
    ]


def test_silence_names_failures_only(capsys):
    assert lines(capsys, silent=True) == ["photos a,4: damaged"]


def test_a_bar_in_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    counts = Counts(embedded=1)
    clock = Clock()
    with Progress("photos", 4, counts, clock=clock) as progress:
        clock.seconds += 0.5
        progress.step(None)
    shown = capsys.readouterr().err
    assert "Embedding photos" in shown
    assert "1/4" in shown
    assert "2.0 images/s, 0 failed" in shown


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (119, "119 s"), (150, "2 min"), (9000, "2 h")]
)
def test_duration(seconds, words):
    assert duration(seconds) == words


def test_where_the_time_went(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(drawing("red disc"))
    command = ["embed", tmp_path / "photos.db", "photos", tmp_path, "--threads", 1]
    sentence = run(*command, "--timing").stderr
    times = [float(number) for number in re.findall(r"(\d+\.\d) s\b", sentence)]
    whole, network, storing, waiting, _ = times
    assert "meanwhile 1 thread decoded for" in sentence
    # Each is rounded.
    assert network + storing + waiting <= whole + 0.2
    assert network > 0
    assert "meanwhile" not in run(*command).stderr
