"""A Datasette of its own process and a real browser, for tests of what people see."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

START_SECONDS = 60

# A busy machine must not decide; the default is 5 seconds.
TIMEOUT = 30_000
expect.set_options(timeout=TIMEOUT)


@contextmanager
def serving(file: Path, *options: str | Path) -> Iterator[str]:
    """Serve a database with a Datasette of its own, with these options; yield the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "datasette", str(file), "--host", "127.0.0.1"]
    address = f"http://127.0.0.1:{port}"
    # A file, because a pipe that nobody reads stops whoever writes many errors into it.
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, "--port", str(port), *map(str, options)],
            stdout=subprocess.DEVNULL,
            stderr=errors,
            # Where it hangs, should it do so.
            env={**os.environ, "PYTHONFAULTHANDLER": "1"},
        )
        try:
            _wait_for(address, process, errors)
            yield address
        finally:
            _end(process, errors)


def _end(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=START_SECONDS)
    except subprocess.TimeoutExpired:
        # Python's fault handler prints the stacks of all threads.
        process.send_signal(signal.SIGABRT)
        process.wait()
        errors.seek(0)
        pytest.fail(f"Datasette did not end: {errors.read().decode()}")


def _wait_for(address: str, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)
    process.kill()
    process.wait()
    errors.seek(0)
    pytest.fail(f"Datasette did not start: {errors.read().decode()}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium; without one the test is skipped, but fails in CI."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if program is None:
        missing = "there is no Chromium: install one, or name it in CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=arguments)
        yield launched
        launched.close()


@contextmanager
def watched(
    browser: Browser, server: str, width: int, *, console: bool = True, **options: Any
) -> Iterator[Page]:
    """Open a page of this width that must not complain, ask another host for anything, or be wider.

    Without ``console`` only the errors of its scripts count as complaints.
    """
    page = browser.new_page(viewport={"width": width, "height": 900}, base_url=server, **options)
    page.set_default_timeout(TIMEOUT)
    complaints: list[str] = []
    hosts: set[str] = set()

    def said(message: ConsoleMessage) -> None:
        # Chromium's advice to tests that read what was drawn on a canvas.
        if "willReadFrequently" not in message.text:
            complaints.append(f"{message.type}: {message.text}")

    if console:
        page.on("console", said)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: hosts.add(urlsplit(asked.url).netloc))
    yield page
    keeps_width(page)
    page.close()
    assert complaints == []
    assert hosts - {""} == {urlsplit(server).netloc}


def follow(link: Locator) -> None:
    """Click what opens another page, and wait until that page's scripts have run.

    A click alone returns as soon as the address has changed.
    """
    with link.page.expect_event("load"):
        link.click()


def keeps_width(page: Page, name: str = "") -> None:
    """Check that nothing sticks out at the side.

    With REVIMG_SCREENSHOTS, a folder, also take a screenshot of this name.
    """
    width = page.viewport_size["width"] if page.viewport_size else 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if name and (folder := os.environ.get("REVIMG_SCREENSHOTS")):
        page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)


def fits(page: Page, name: str = "") -> None:
    """Check that nothing sticks out at the side and that every picture arrives.

    With REVIMG_SCREENSHOTS, a folder, also take a screenshot of this name.
    """
    for picture in page.locator("img:visible").all():
        picture.scroll_into_view_if_needed()
    page.wait_for_function(
        "[...document.images].every(i => i.hidden || i.complete && i.naturalWidth)"
    )
    page.evaluate("scrollTo(0, 0)")
    keeps_width(page, name)
