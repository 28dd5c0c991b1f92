"""Frames per second of the map while it is panned: ``python tests/benchmarks/map.py [ROWS]``.

Makes a database of synthetic pictures, serves it, pans the whole map and one part of it in
Chromium, and compares with what an empty page gets in the same browser. Without a GPU Chromium
draws in software, so that a real machine is faster.
"""

from __future__ import annotations

import io
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from datasette_revimg.store import tables, writing
from datasette_revimg.store.registry import EmbeddedTable
from datasette_revimg.store.writing import Embedding

SECONDS = 4.0

FRAMES = """async ([seconds, pan]) => {
    const canvas = document.querySelector("#revimg-stage canvas");
    const box = canvas?.getBoundingClientRect();
    const send = (kind, x, y) => canvas.dispatchEvent(new PointerEvent(kind, {
        pointerId: 1, clientX: box.x + x, clientY: box.y + y, pointerType: "mouse" }));
    if (pan) {
        canvas.setPointerCapture = () => {};
        send("pointerdown", 500, 400);
    }
    const times = [];
    await new Promise((done) => {
        const begun = performance.now();
        const frame = (now) => {
            times.push(now);
            const turn = (now - begun) / 300;
            if (pan) send("pointermove", 500 + 200 * Math.sin(turn), 400 + 150 * Math.cos(turn));
            if (now - begun < seconds * 1000) requestAnimationFrame(frame);
            else done();
        };
        requestAnimationFrame(frame);
    });
    if (pan) send("pointerup", 500, 400);
    return times.slice(1).map((time, index) => time - times[index]);
}"""


def build(file: Path, rows: int) -> None:
    """Pictures of one colour each, in clusters."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(40, 64))
    conn = sqlite3.connect(file)
    conn.execute("create table photos (id integer primary key, picture blob)")
    conn.executemany("insert into photos values (?, x'00')", [[n] for n in range(rows)])
    conn.commit()
    source = tables.find(conn, "photos")
    writing.prepare(
        conn,
        source,
        EmbeddedTable(
            table_name="photos",
            column_name="picture",
            kind="blob",
            base_dir=None,
            model="synthetic",
            weights_sha256="0",
            dimension=64,
            preprocessing="",
        ),
    )
    vectors = centres[rng.integers(0, 40, rows)] + rng.normal(size=(rows, 64)) * 0.5
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    entries = []
    for number in range(rows):
        buffer = io.BytesIO()
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        Image.new("RGB", (160, 120), colour).save(buffer, "WEBP")
        thumbnail = buffer.getvalue()
        entries.append(Embedding((number,), vectors[number], b"", thumbnail, 160, 120))
    writing.write(conn, source, entries, [])
    conn.close()


def report(name: str, page: Page, pan: bool) -> float:
    times = np.array(page.evaluate(FRAMES, [SECONDS, pan]))
    rate = 1000 / times.mean()
    print(
        f"{name:32} {rate:6.1f} frames/s   median {np.median(times):5.1f} ms   "
        f"95 % {np.percentile(times, 95):6.1f} ms   worst {times.max():6.1f} ms"
    )
    return float(rate)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or "google-chrome"
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        build(Path(folder) / "map.db", rows)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        command = [sys.executable, "-m", "datasette", str(Path(folder) / "map.db"), "-p", str(port)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            run(f"http://127.0.0.1:{port}", chromium, rows)
        finally:
            server.terminate()
            server.wait()


def run(address: str, chromium: str, rows: int) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            break
        except OSError:
            time.sleep(0.1)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto("about:blank")
        idle = report("an empty page", page, False)
        begun = time.perf_counter()
        with page.expect_response(lambda answer: "map-data" in answer.url):
            page.goto(f"{address}/map/photos/-/map")
        page.wait_for_selector(".revimg-zoom")
        print(f"{rows:,} pictures: a map after {time.perf_counter() - begun:.1f} s")
        # A layout that is still being improved takes its share of the machine.
        page.wait_for_load_state("networkidle", timeout=600_000)
        page.wait_for_function(
            "!document.getElementById('revimg-method').innerText.includes('computed')",
            timeout=600_000,
        )
        page.wait_for_timeout(3000)
        print(f"best map and all thumbnails after {time.perf_counter() - begun:.1f} s")
        page.get_by_role("button", name="Zoom in").click()
        whole = report("panning, zoomed in once", page, True)
        for _ in range(4):
            page.get_by_role("button", name="Zoom in").click()
        part = report("panning, zoomed in five times", page, True)
        print(f"of an empty page's frames: {whole / idle:.0%} and {part / idle:.0%}")
        browser.close()


if __name__ == "__main__":
    main()
