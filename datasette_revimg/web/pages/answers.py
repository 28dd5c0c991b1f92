"""Similar pictures, found and as JSON: for a row and for an uploaded picture alike."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...duplicates.membership import Membership
from ...keys import parse_row_path, row_path
from ...pictures.identity import Identity
from ...pictures.looks import Look
from ...pictures.region import Crop
from ...search import similar
from ...search.rows import Row
from ...search.similar import Answer, Question
from ..requests.filters import Condition
from ..requests.parameters import Parameters
from ..requests.place import Place
from ..requests.reading import read_much
from ..requests.responses import wants_json
from ..work.state import state_of
from . import facets
from .threshold import minimum_json

_SCORES = ("score", "percentile", "tier")
_URLS = ("url", "similar_url", "thumbnail_url", "duplicates", "duplicates_url")


async def search(
    place: Place,
    parameters: Parameters,
    condition: Condition,
    row: tuple[str, ...] | None,
    vector: np.ndarray | None,
    picture: Identity | None = None,
) -> Answer:
    """Return the rows most similar to a row, or to the picture of the unit vectors (m, D) given.

    ``picture`` is what else is known of that picture, if it is a whole one.
    """
    faceted = facets.requested_facets(place) or not wants_json(place.request)
    question = Question(
        row=row,
        like=[parse_row_path(path) for path in parameters.like],
        unlike=[parse_row_path(path) for path in parameters.unlike],
        size=parameters.size,
        minimum=parameters.minimum,
        among=condition.keys,
        vector=vector,
        picture=picture,
        expand=parameters.expand,
        enumerated=facets.ENUMERATED if faceted else 0,
        collapse=parameters.collapse,
    )

    def find(conn: sqlite3.Connection) -> Answer:
        groups = Membership(conn, place.source)
        return similar.answer(conn, place.source, question, place.indexes, groups)

    answer = await read_much(place.datasette, place.db, find)
    # What the page or the JSON makes of it takes its time.
    await state_of(place.datasette).pace.turn()
    return answer


async def answer_json(
    place: Place,
    parameters: Parameters,
    condition: Condition,
    answer: Answer,
    query: dict[str, Any],
    here: str,
    looks: Sequence[Look] = (),
) -> Any:
    """Return the JSON of an answer to a question about ``query``, at the address ``here``.

    ``looks`` are those at the query's picture.
    """
    several = len(looks) > 1
    rows: list[dict[str, Any]] = [
        {
            "score": row.score,
            "percentile": answer.percentile(row),
            "tier": answer.tiers.of(row.key),
            **({"found_with": _look_json(looks[row.query], parameters.crop)} if several else {}),
            **place.described(row),
            **_duplicates(place, answer, row),
        }
        for row in answer.rows
    ]
    if parameters.shape == "array":
        return rows
    expanded = bool(parameters.expand)
    body: dict[str, Any] = {
        **place.body,
        "query": {
            **query,
            **({"crop": parameters.crop.text} if parameters.crop else {}),
            "like": [row_path(row.key) for row in answer.like],
            "unlike": [row_path(row.key) for row in answer.unlike],
            **({"ways": list(dict.fromkeys(look.way for look in looks))} if looks else {}),
            **({"expanded_with": list(map(row_path, answer.expanded))} if expanded else {}),
        },
        "rows": rows,
        "filtered_table_rows_count": answer.candidates,
        "count_truncated": not answer.counted_all,
        "ms": round(answer.ms, 3),
        **minimum_json(answer),
        **({"collapsed": answer.collapsed} if parameters.collapse else {}),
    }
    if parameters.only("_facet"):
        counted = await facets.count_facets(
            place, parameters, condition, answer, here, suggest=False
        )
        body["facet_results"] = counted.results
        body["facets_timed_out"] = counted.timed_out
    if parameters.shape == "arrays":
        body.update(_arrays(rows, [*_SCORES, *(["found_with"] if several else [])]))
    return body


def _look_json(look: Look, crop: Crop | None) -> dict[str, Any]:
    """Return what a result was found with: a part of the query's picture, or all of it."""
    part = look.within(crop)
    return {
        "way": look.way,
        "part": part.text if part else None,
        "turned": look.orientation.turned,
        "mirrored": look.orientation.mirrored,
    }


def _duplicates(place: Place, answer: Answer, row: Row) -> dict[str, Any]:
    count = answer.duplicates.get(row.key, 0)
    return {"duplicates": count, "duplicates_url": place.duplicates_url(row.key) if count else None}


def _arrays(rows: list[dict[str, Any]], scores: list[str]) -> dict[str, Any]:
    """Return the rows as lists, beginning with these ``scores``, and the names of their columns."""
    names = list(dict.fromkeys(name for row in rows for name in row["row"]))
    return {
        "columns": [*scores, *names, *_URLS],
        "rows": [
            [
                *(row[name] for name in scores),
                *(row["row"].get(name) for name in names),
                *(row[name] for name in _URLS),
            ]
            for row in rows
        ],
    }
