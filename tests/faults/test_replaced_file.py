"""The served file is replaced, overwritten or cut off while people look at it."""

from __future__ import annotations

import os
import shutil
import threading
import urllib.error
import urllib.request

import pytest

from kit.server import serving

PAGES = ("/data/photos/1/-/similar.json", "/data/photos", "/data/photos/5/-/thumbnail")


def answers(address: str, path: str) -> int:
    """The status of a page; a server that has died answers nothing at all."""
    try:
        with urllib.request.urlopen(address + path, timeout=30) as response:
            response.read()
            return int(response.status)
    except urllib.error.HTTPError as error:
        return int(error.code)


@pytest.mark.parametrize("how", ["cp", "truncate", "mv"])
def test_the_server_outlives_its_file(data, tmp_path, how):
    """Reading a mapped page of a file that was cut off is a signal that ends the process."""
    keep = shutil.copy(data, tmp_path / "keep.db")
    whole = data.read_bytes()
    stop = threading.Event()
    with serving(data) as address:

        def ask() -> None:
            while not stop.is_set():
                for path in PAGES:
                    answers(address, path)

        clients = [threading.Thread(target=ask) for _ in range(2)]
        for client in clients:
            client.start()
        try:
            for _ in range(12):
                if how == "mv":
                    os.replace(shutil.copy(keep, tmp_path / "new.db"), data)
                else:
                    if how == "truncate":
                        os.truncate(data, 0)
                        assert answers(address, PAGES[0])
                    data.write_bytes(whole)
                # Datasette itself answers 500 while half a file is there.
                assert answers(address, "/-/versions.json")
        finally:
            stop.set()
            for client in clients:
                client.join()
        # Connections that saw half a file may go on about it; what counts is that the server is
        # there. One that got a whole file in one step has nothing to complain about.
        assert answers(address, "/-/versions.json") == 200 or how != "mv"
