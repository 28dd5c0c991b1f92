"""Errors of the domain become problems of a page: a status, a sentence, a way out."""

from __future__ import annotations

import sqlite3

import pytest

from datasette_revimg import errors
from datasette_revimg.web import problems
from datasette_revimg.web.problems import Problem, problem_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.RevimgError("what"), 400),
        (errors.RowNotFoundError("what"), 404),
        (errors.NotEmbeddedError("what"), 404),
        (errors.NoPictureError("what"), 404),
        (errors.OutsideFolderError("what"), 403),
        (errors.PictureGoneError("what"), 410),
        (errors.UnusablePictureError("what"), 422),
        (errors.OtherModelError("what"), 409),
        (errors.ModelMissingError("what"), 503),
        (errors.NewerVersionError("what"), 503),
        (problems.ModelUnavailableError("what"), 503),
        (problems.NoFeaturesError("what"), 501),
        (problems.TooLargeError("what"), 413),
        (problems.BusyError("what"), 503),
        (Problem(418, "what"), 418),
    ],
)
def test_status_of_each_error(error, status):
    problem = problem_of(error)
    assert (problem.status, problem.message) == (status, "what")
    assert (problem.command, problem.headers) == ("", {})


def test_a_kind_of_an_error_has_its_status():
    class FolderGoneError(errors.PictureGoneError):
        """The whole folder was moved."""

    assert problem_of(FolderGoneError("what")).status == 410


def test_ways_out():
    assert problem_of(problems.BusyError("what", 7)).headers == {"Retry-After": "7"}
    missing = problems.ModelUnavailableError("what", "datasette revimg install vgg16-fc2")
    assert problem_of(missing).command == "datasette revimg install vgg16-fc2"


def test_databases_that_are_locked_slow_or_damaged(tmp_path):
    file = tmp_path / "data.db"
    first, second = (sqlite3.connect(file, timeout=0, isolation_level=None) for _ in range(2))
    first.execute("begin exclusive")
    with pytest.raises(sqlite3.OperationalError) as locked:
        second.execute("create table t (a)")
    assert problem_of(locked.value).status == 503
    assert "locked" in problem_of(locked.value).message
    first.execute("rollback")
    first.set_progress_handler(lambda: 1, 1)
    with pytest.raises(sqlite3.OperationalError) as slow:
        first.execute("select count(*) from sqlite_master a, sqlite_master b").fetchall()
    assert problem_of(slow.value).status == 503
    assert "seconds" in problem_of(slow.value).message
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(sqlite3.DatabaseError) as damaged:
        sqlite3.connect(file).execute("select * from sqlite_master")
    assert problem_of(damaged.value).status == 500
    assert "can’t be read" in problem_of(damaged.value).message
    first.close()
    second.close()
