"""The table ``_revimg_calibration``: what a cosine means in each calibrated table."""

from __future__ import annotations

import json
import sqlite3

import numpy as np

from ..vectors.calibration import Calibration
from .connection import transaction
from .own_tables import CALIBRATION
from .registry import EmbeddedTable
from .schema import exists
from .sql import now


def read(conn: sqlite3.Connection, embedded: EmbeddedTable) -> Calibration | None:
    """Return a table's calibration; None without one, or where the table has another model now."""
    if not exists(conn, CALIBRATION):
        return None
    row = conn.execute(
        f"select chance, copies, vectors from {CALIBRATION} "
        "where table_name = ? and weights_sha256 = ? and preprocessing = ?",
        [embedded.table_name, embedded.weights_sha256, embedded.preprocessing],
    ).fetchone()
    return _parsed(*row) if row else None


def write(conn: sqlite3.Connection, embedded: EmbeddedTable, calibration: Calibration) -> None:
    """Keep a table's calibration, in place of an older one."""
    with transaction(conn):
        conn.execute(
            f"create table if not exists {CALIBRATION} (table_name text primary key, model text, "
            "weights_sha256 text, preprocessing text, vectors integer, chance text, copies text, "
            "at text)"
        )
        conn.execute(
            f"insert or replace into {CALIBRATION} values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                embedded.table_name,
                embedded.model,
                embedded.weights_sha256,
                embedded.preprocessing,
                calibration.vectors,
                json.dumps(calibration.chance.tolist()),
                json.dumps({edit: scores.tolist() for edit, scores in calibration.copies.items()}),
                now(),
            ],
        )


def delete(conn: sqlite3.Connection, table: str) -> None:
    """Delete, within a transaction, a table's calibration."""
    if exists(conn, CALIBRATION):
        conn.execute(f"delete from {CALIBRATION} where table_name = ?", [table])


def _parsed(chance: object, copies: object, vectors: object) -> Calibration | None:
    """Return the calibration in a row, None when it is damaged."""
    try:
        scores = json.loads(str(copies))
        parsed = Calibration(
            _ascending(json.loads(str(chance))),
            {str(edit): _ascending(values) for edit, values in scores.items()},
            int(str(vectors)),
        )
    except (ValueError, TypeError, AttributeError):
        return None
    return parsed if len(parsed.chance) else None


def _ascending(values: object) -> np.ndarray:
    scores = np.sort(np.asarray(values, np.float32).reshape(-1))
    if not np.isfinite(scores).all():
        raise ValueError("not finite")
    return scores
