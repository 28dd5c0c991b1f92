"""What the tiers of scores promise, and what they find: ``python tiers.py DB TABLE``

DB is a database with an embedded table of pictures whose files are where they were. Two tables are
printed:

Promised against counted. The table is divided at random, many times. The larger part is
calibrated, and the other, which it hasn't seen, is searched for in it: how often does the nearest
picture that is no copy reach a tier? The same for the pictures of another table, ``--unseen``.

Recall and precision. Some pictures are edited, and looked for among all, by the tiers and by the
perceptual hashes imagehash and pdqhash at their documented thresholds, where these are installed
(``pip install imagehash pdqhash``), all of them from the same pixels.
"""

from __future__ import annotations

import argparse
import importlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from datasette_revimg.cli.calibrate import original_reader
from datasette_revimg.duplicates.calibrate import BATCH
from datasette_revimg.duplicates.chance import nearest_others
from datasette_revimg.embedding.choice import check_model, choose_model, load_network
from datasette_revimg.keys import Key
from datasette_revimg.models.batches import encode_shapes
from datasette_revimg.pictures import decoding
from datasette_revimg.pictures.edits import EDITS, edited_arrays
from datasette_revimg.pictures.opening import ImageError
from datasette_revimg.pictures.plain import is_plain
from datasette_revimg.pictures.same_pixels import SmallGrey, same_pixels, small_grey
from datasette_revimg.store import connection, reading, registry, tables, thumbnails
from datasette_revimg.store.registry import EmbeddedTable
from datasette_revimg.store.tables import Table
from datasette_revimg.vectors.calibration import RATES, Calibration

SEED = 2017

# How often a table is divided, and the share of it that is searched for in the rest.
SPLITS, HELD_OUT = 20, 1 / 3

# The pictures of another table don't change: they are searched for less often.
OTHER_SPLITS = 3

# As many nearest pictures are looked at for one that is no copy.
NEAREST = 8

# Bits of 64 and of 256 in which hashes may differ: the example of ImageHash's README, and the
# threshold and the least quality that PDQ's authors recommend.
PHASH_BITS, PDQ_BITS, PDQ_QUALITY = 5, 31, 50


@dataclass(frozen=True)
class Pictures:
    """The pictures of a table, one row each: unit vectors float32 (n, D), and their thumbnails."""

    path: Path
    conn: sqlite3.Connection
    source: Table
    embedded: EmbeddedTable
    keys: list[tuple[Key, bytes]]
    vectors: np.ndarray
    looks: list[SmallGrey]


def load(path: Path, table: str, conn: sqlite3.Connection) -> Pictures:
    """Read the pictures of a table that aren't blank, one of each file."""
    source = tables.find(conn, table)
    by_hash: dict[bytes, Key] = {}
    for key, content_hash in reading.content_hashes(conn, source):
        by_hash.setdefault(content_hash, key)
    keys = [(key, content_hash) for content_hash, key in by_hash.items()]
    chosen, looks = [], []
    for number, small in enumerate(thumbnails.read_many(conn, source, [key for key, _ in keys])):
        grey = small_grey(small) if small and not is_plain(small) else None
        if grey is not None:
            chosen.append(number)
            looks.append(grey)
    keys = [keys[number] for number in chosen]
    vectors = reading.vectors_in_order(conn, source, [key for key, _ in keys])
    embedded = registry.require_embedded(conn, table)
    return Pictures(path, conn, source, embedded, keys, vectors, looks)


def nearest_score(
    vector: np.ndarray, looks: SmallGrey, pictures: Pictures, places: np.ndarray, least: float
) -> float:
    """Return the cosine with the nearest picture that shows other pixels, -1 below ``least``."""
    cosines = pictures.vectors[places] @ vector
    for place in np.argsort(-cosines, kind="stable")[:NEAREST]:
        if cosines[place] < least:
            break
        if not same_pixels(looks, pictures.looks[places[place]]):
            return float(cosines[place])
    return -1.0


def chance_of(pictures: Pictures, places: np.ndarray, seed: int) -> Calibration:
    """Calibrate a part of a table; how edits score isn't needed."""
    some = [pictures.keys[place] for place in places]
    return Calibration(nearest_others(pictures.conn, pictures.source, some, seed), {}, len(some))


def count_promises(pictures: Pictures, unseen: Pictures | None) -> None:
    """Print the rate that each tier promises, and those that are counted."""
    rng = np.random.default_rng(SEED)
    counted: dict[str, list[tuple[int, int]]] = {}
    for split in range(SPLITS):
        order = rng.permutation(len(pictures.keys))
        held, table = np.split(order, [round(HELD_OUT * len(order))])
        calibration = chance_of(pictures, table, split)
        lowest = {tier: calibration.threshold(tier) for tier in RATES}
        sides = {"held out": [(pictures.vectors[n], pictures.looks[n]) for n in held]}
        if unseen and split < OTHER_SPLITS:
            sides["other"] = list(zip(unseen.vectors, unseen.looks, strict=True))
        least = min((one for one in lowest.values() if one is not None), default=2)
        for side, rows in sides.items():
            scores = np.array([nearest_score(*row, pictures, table, least) for row in rows])
            for tier, score in lowest.items():
                if score is not None:
                    wrong = int((scores >= score).sum())
                    counted.setdefault(f"{tier}, {side}", []).append((wrong, len(scores)))
    print(f"\n{'tier, pictures':<30}{'promised':>10}{'counted':>10}   of pictures")
    for name, rows in counted.items():
        wrong, of = np.sum(rows, axis=0)
        rate = RATES[name.partition(",")[0]]
        print(f"{name:<30}{rate:>10.4f}{wrong / of:>10.4f}   {of:,} in {len(rows)} divisions")


def phash() -> tuple[Callable[[np.ndarray], np.ndarray], int]:
    """Return what gives a picture its bits, and the most that may differ."""
    imagehash = importlib.import_module("imagehash")
    return lambda pixels: imagehash.phash(Image.fromarray(pixels)).hash.ravel(), PHASH_BITS


def pdq() -> tuple[Callable[[np.ndarray], np.ndarray | None], int]:
    """Return what gives a picture its bits, None for a poor one, and the most that may differ."""
    pdqhash = importlib.import_module("pdqhash")

    def compute(pixels: np.ndarray) -> np.ndarray | None:
        bits, quality = pdqhash.compute(pixels)
        return bits.astype(bool) if quality >= PDQ_QUALITY else None

    return compute, PDQ_BITS


def by_tier(pictures: Pictures, tier: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return what finds the places of pictures that reach a tier with a picture's vector."""
    lowest = chance_of(pictures, np.arange(len(pictures.keys)), SEED).threshold(tier)

    def find(pixels: np.ndarray, vector: np.ndarray) -> np.ndarray:
        cosines = pictures.vectors @ vector
        return np.flatnonzero(cosines >= (2 if lowest is None else lowest))

    return find


def by_hash(
    peer: Callable[[], tuple[Callable[[np.ndarray], np.ndarray | None], int]],
    originals: Sequence[np.ndarray],
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return what finds the places of pictures whose hash is near that of a picture's pixels."""
    compute, most = peer()
    hashes = [compute(pixels) for pixels in originals]
    size = next(len(bits) for bits in hashes if bits is not None)
    table = np.array([np.zeros(size, bool) if bits is None else bits for bits in hashes])
    poor = np.array([bits is None for bits in hashes])

    def find(pixels: np.ndarray, vector: np.ndarray) -> np.ndarray:
        bits = compute(pixels)
        if bits is None:
            return np.empty(0, int)
        return np.flatnonzero(((table ^ bits).sum(axis=1) <= most) & ~poor)

    return find


def find_edits(pictures: Pictures, count: int) -> None:
    """Print recall and precision of each tier and each hash for every edit."""
    model = choose_model(pictures.embedded, None)
    check_model(pictures.embedded, model)
    network = load_network(model, batch_size=BATCH)
    read = original_reader(pictures.conn, pictures.path, pictures.source, pictures.embedded)
    data = [read(key) for key, _ in pictures.keys]
    finders = {tier: by_tier(pictures, tier) for tier in RATES}
    originals = [decoding.decode(one or b"", network.size).array for one in data]
    for name, peer in (("phash", phash), ("pdq", pdq)):
        try:
            finders[name] = by_hash(peer, originals)
        except ImportError:
            print(f"{name} isn't installed")
    found = {name: np.zeros((len(EDITS), 2), int) for name in finders}
    asked = 0
    used = time.process_time()
    for place in np.random.default_rng(SEED + 2).permutation(len(data))[:count].tolist():
        try:
            edits = edited_arrays(data[place] or b"", network.size, place)
        except ImageError:
            continue
        asked += 1
        vectors = encode_shapes(network.encode, edits).vectors
        alike = same_as(pictures, place)
        for edit, (pixels, vector) in enumerate(zip(edits, vectors, strict=True)):
            for name, find in finders.items():
                places = find(pixels, vector)
                wrong = len(set(places.tolist()) - alike)
                found[name][edit] += (place in places, wrong)
    used = time.process_time() - used
    report(found, asked, len(data))
    print(f"{used / max(1, asked * len(EDITS)):.3f} s of processor time an edited picture")


def same_as(pictures: Pictures, place: int) -> set[int]:
    """Return the places of a picture and of its copies among those most similar to it."""
    cosines = pictures.vectors @ pictures.vectors[place]
    near = np.argsort(-cosines, kind="stable")[:NEAREST].tolist()
    looks = pictures.looks[place]
    return {place, *(other for other in near if same_pixels(looks, pictures.looks[other]))}


def report(found: dict[str, np.ndarray], asked: int, pictures: int) -> None:
    """Print recall / precision: pictures found of those edited, right ones of those found."""
    print(f"\n{asked:,} pictures, each edited in {len(EDITS)} ways, among {pictures:,}")
    print(f"{'recall / precision':<26}" + "".join(f"{name:>15}" for name in found))
    rows = [*((edit, np.s_[number : number + 1]) for number, edit in enumerate(EDITS))]
    for edit, some in [*rows, ("all", np.s_[:])]:
        cells = []
        for counts in found.values():
            right, wrong = counts[some].sum(axis=0)
            of = asked * len(counts[some])
            precision = f"{right / (right + wrong):.3f}" if right + wrong else "–"
            cells.append(f"{f'{right / of:.3f} / {precision}':>15}")
        print(f"{edit:<26}" + "".join(cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("database", type=Path)
    parser.add_argument("table")
    parser.add_argument("--unseen", nargs=2, metavar=("DB", "TABLE"))
    parser.add_argument("--photos", type=int, default=500, help="how many pictures are edited")
    arguments = parser.parse_args()
    with closing(connection.connect(arguments.database)) as conn:
        pictures = load(arguments.database, arguments.table, conn)
        if arguments.unseen:
            path = Path(arguments.unseen[0])
            with closing(connection.connect(path)) as other:
                count_promises(pictures, load(path, arguments.unseen[1], other))
        else:
            count_promises(pictures, None)
        if arguments.photos:
            find_edits(pictures, arguments.photos)


if __name__ == "__main__":
    main()
