"""The panel that narrows the results: the threshold, the filters and the facets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...search.similar import Answer
from ..requests.filters import Condition
from ..requests.parameters import Parameters
from ..requests.place import Place
from . import wording
from .facets import count_facets
from .filter_form import FilterForm, filter_form
from .threshold import Threshold, threshold


@dataclass(frozen=True)
class FacetValue:
    """A value of a column, and the address of the page that filters by it, or no longer does."""

    label: str
    count: str
    url: str
    selected: bool


@dataclass(frozen=True)
class FacetPanel:
    """The values of a column; ``remove_url`` is the page without it, if it was requested."""

    name: str
    remove_url: str | None
    values: list[FacetValue]
    truncated: bool


@dataclass(frozen=True)
class Narrow:
    """The panel on the page ``here``; ``notes`` say which facets are missing."""

    here: str
    threshold: Threshold | None
    filter_form: FilterForm
    facet_hint: str
    facets: list[FacetPanel]
    notes: list[str]


async def narrow(
    place: Place, parameters: Parameters, condition: Condition, answer: Answer, here: str
) -> Narrow:
    """Return the panel of the page ``here``."""
    counted = await count_facets(place, parameters, condition, answer, here)
    conditions = len(condition.filters) + (parameters.minimum is not None)
    # Without a row, and without any result or condition, there is nothing that a slider can change.
    slides = answer.row or answer.rows or conditions
    return Narrow(
        here=here,
        threshold=threshold(parameters, answer, here) if slides else None,
        filter_form=filter_form(place, parameters, condition),
        facet_hint=wording.facet_hint(
            answer.candidates,
            enumerated=answer.keys is not None,
            minimum=parameters.minimum is not None,
            conditions=conditions,
        ),
        facets=[_panel(facet) for facet in counted.results.values()],
        notes=[f"Counting {column} took too long." for column in counted.timed_out],
    )


def _panel(facet: dict[str, Any]) -> FacetPanel:
    """Return a facet of the JSON as the page shows it."""
    values = [
        FacetValue(
            label=each["label"] or "(empty)",
            count=f"{each['count']:,}",
            url=each["toggle_url"],
            selected=each["selected"],
        )
        for each in facet["results"]
    ]
    return FacetPanel(facet["name"], facet["toggle_url"], values, facet["truncated"])
