"""Names, values and reasons that others have written, on a terminal."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress

import pytest

from datasette_revimg.cli.printable import printable, printable_json
from kit.command import error_of, run
from kit.pictures import mosaic


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("photo 1.jpg", "photo 1.jpg"),
        ("Żółw 猫 👩‍👩‍👧 e\u0301", "Żółw 猫 👩‍👩‍👧 e\u0301"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("two\nlines\r\tand a bell\a", "two\\nlines\\r\\tand a bell\\x07"),
        # C1: some terminals take it for ESC [.
        ("\x9b31m", "\\x9b31m"),
        ("\x7f", "\\x7f"),
        # Shown, it would read as "photogpj.exe".
        ("photo\u202egpj.exe", "photo\\u202egpj.exe"),
        ("\u2066a\u2069", "\\u2066a\\u2069"),
        ("a\u2028b", "a\\u2028b"),
        # Half of a pair, as Python has a byte of a name that is no UTF-8.
        ("caf\udce9", "caf\\udce9"),
        (7, "7"),
    ],
)
def test_printable(text, shown):
    assert printable(text) == shown


def obeyed(text):
    """The characters that a terminal would obey, but for the ends of lines."""
    return [
        letter
        for letter in text
        if letter != "\n" and (ord(letter) < 32 or 127 <= ord(letter) < 160 or letter == "\u202e")
    ]


def test_json_means_the_same():
    """RFC 8259, 7: any character may be written as \\u and its number."""
    value = {"a\x7f\u202e": ["\x1b[2J\x9b", "two\nlines", "café \u2028 \\ \udce9", 1.5, None]}
    text = printable_json(json.dumps(value, indent=1, ensure_ascii=False))
    assert json.loads(text) == value
    assert obeyed(text) == []
    assert "café \\u2028" in text
    assert text.encode()


ODD = "\x1b]0;title\x07\x1b[2J \u202egpj\n.jpg"


@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows doesn't allow")
def test_names_of_files(tmp_path):
    folder, path = tmp_path / "pictures", tmp_path / "photos.db"
    folder.mkdir()
    (folder / ODD).write_bytes(b"no picture")
    for number in (1, 2):
        (folder / f"{number}{ODD}").write_bytes(mosaic(number, "JPEG"))
    failed = run("embed", path, "photos", folder)
    assert "\\x1b[2J \\u202egpj\\n.jpg: " in failed.stderr
    for done in (failed, run("status", path), run("similar", path, "photos", f"1{ODD}")):
        assert obeyed(done.stdout + done.stderr) == []
    assert obeyed(error_of("embed", path, "photos", tmp_path / ODD)) == []
    rows = run("similar", path, "photos", f"1{ODD}", "--format", "json").stdout
    assert obeyed(rows) == []
    assert json.loads(rows)[0]["path"] == f"2{ODD}"


def test_names_of_tables_and_columns(copy):
    table = "sha\x1b[31mp\u202ees"
    with closing(sqlite3.connect(copy)) as conn:
        conn.execute("update _revimg_failures set reason = 'bad\x1b[2J'")
        conn.execute(f'alter table plain rename to "{table}"')
        conn.execute(f'alter table "{table}" add column "pic\x1bture" blob')
        conn.execute(f'insert into "{table}" values (1, ?)', [mosaic(1)])
        conn.execute(f'insert into "{table}" values (2, ?)', ["red\x1b"])
        conn.commit()
    commands = [
        ("embed", copy, table),
        ("status", copy),
        ("similar", copy, table, "1"),
        ("forget", copy, table),
    ]
    for command in commands:
        done = run(*command)
        assert obeyed(done.stdout + done.stderr) == [], command
    for command in (("similar", copy, table, "1"), ("embed", copy, f"{table}2")):
        assert obeyed(error_of(*command)) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no terminals of this kind")
def test_csv_on_a_terminal_and_in_a_pipe(copy):
    with closing(sqlite3.connect(copy)) as conn, conn:
        conn.execute("update shapes set shape = 'a\x1b[2Jb'")
    command = [sys.executable, "-c", "from datasette_revimg.cli import revimg; revimg()"]
    command += ["similar", str(copy), "shapes", "red disc", "--format", "csv"]
    piped = subprocess.run(command, capture_output=True, check=True).stdout
    assert b"a\x1b[2Jb" in piped
    ours, theirs = os.openpty()
    with open(ours, "rb", buffering=0) as screen:
        with subprocess.Popen(command, stdout=theirs) as process:
            os.close(theirs)
            shown = b""
            # At the end of the other side, Linux fails.
            with suppress(OSError):
                while part := screen.read(1000):
                    shown += part
        assert process.returncode == 0
    assert b"a\\x1b[2Jb" in shown
    assert b"\x1b" not in shown
