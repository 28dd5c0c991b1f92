"""Every template uses exactly the variables that its page's dataclass declares."""

from __future__ import annotations

import dataclasses
import re
import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest
from jinja2 import Environment, nodes
from jinja2.meta import find_undeclared_variables

import datasette_revimg.web
from datasette_revimg.web.pages.compare_page import ComparePage
from datasette_revimg.web.pages.diagnostics import DiagnosticsPage
from datasette_revimg.web.pages.duplicates_page import DuplicatesPage
from datasette_revimg.web.pages.map import MapPage
from datasette_revimg.web.pages.matrix import MatrixPage
from datasette_revimg.web.pages.similar import SimilarPage
from datasette_revimg.web.pages.upload import SearchPage, UploadedPage
from datasette_revimg.web.requests.responses import ProblemPage
from kit import tiers
from kit.asking import IS_1, cookies
from kit.uploads import PAGE, PICTURE, form, part, post

TEMPLATES = Path(datasette_revimg.web.__file__).parent / "templates"

CONTEXTS = [
    ComparePage,
    DiagnosticsPage,
    DuplicatesPage,
    MapPage,
    MatrixPage,
    ProblemPage,
    SearchPage,
    SimilarPage,
    UploadedPage,
]

# Datasette gives these to every template.
DATASETTES = {"crumbs", "request", "urls"}


def parse(template: str) -> nodes.Template:
    # Datasette's filters don't matter here.
    environment = Environment(autoescape=True)
    environment.filters["to_css_class"] = str
    return environment.parse((TEMPLATES / template).read_text())


def trees(template: str) -> list[nodes.Template]:
    """A template and those of ours that it extends and includes."""
    tree = parse(template)
    names = [each.template.value for each in tree.find_all((nodes.Extends, nodes.Include))]
    ours = [name for name in names if name.startswith("revimg/")]
    return [tree, *(part for name in ours for part in trees(name))]


def used(template: str) -> set[str]:
    """The variables that a template uses, itself or through others."""
    parts = trees(template)
    # Blocks are scopes of their own, in which macros seem undeclared.
    macros = {macro.name for part in parts for macro in part.find_all(nodes.Macro)}
    return set().union(*map(find_undeclared_variables, parts)) - macros


def names_of(context: type) -> set[str]:
    return {field.name for field in dataclasses.fields(context)}


def test_every_page_has_a_context():
    pages = {
        str(file.relative_to(TEMPLATES))
        for file in TEMPLATES.rglob("*.html")
        if not file.name.startswith("_")
    }
    assert {context.template for context in CONTEXTS} == pages


@pytest.mark.parametrize("context", CONTEXTS)
def test_what_is_used_is_declared_and_what_is_declared_is_used(context):
    assert used(context.template) - DATASETTES == names_of(context)


@pytest.fixture
def accesses(monkeypatch):
    """The attributes that templates look up, by the dataclass that has them."""
    found = defaultdict(set)
    actual = Environment.getattr

    def recorded(self, thing, name):
        if dataclasses.is_dataclass(thing):
            found[type(thing)].add(name)
        return actual(self, thing, name)

    monkeypatch.setattr(Environment, "getattr", recorded)
    return found


@pytest.mark.parametrize("file", sorted(TEMPLATES.rglob("*.html")), ids=lambda file: file.name)
def test_nothing_runs_that_a_content_security_policy_forbids(file):
    """Style attributes are applied by styles.js where browsers don't, in the pages that need it."""
    text = file.read_text()
    scripts = re.findall(r"<script\b[^>]*>", text)
    assert all(" src=" in script or "application/json" in script for script in scripts)
    assert "<style" not in text
    assert not re.search(r"\son[a-z]+\s*=", text)
    assert "javascript:" not in text
    styles = re.sub(r'class="page-header" style="border-color: #{{ database_color }}"', "", text)
    # The region and boxes on the picture are placed by crop.js.
    placed = re.sub(r'style="{{ (region|box)\.style }}"', "", styles)
    if 'style="' in placed:
        assert '"styles.js"' in text


# Together these show everything that any page can show.
ADDRESSES = [
    "/-/revimg",
    "/scenes/absent/1/-/similar",
    "/scenes/photos/1/-/similar?colour=red&_min=-1&_facet=colour&like=5&unlike=4&_size=2",
    "/scenes/photos/1/-/similar?colour=green&id__gt=3",
    "/scenes/photos/1/-/similar?_search=Scene",
    "/scenes/photos/1/-/similar?_collapse=1",
    "/scenes/files/in~2F1~2Ejpg/-/similar",
    "/scenes/photos/1/-/compare?with=2&_why=1",
    "/scenes/photos/-/matrix?colour=red",
    "/scenes/photos/-/matrix?colour=green",
    "/scenes/photos/-/map",
    "/scenes/photos/-/map?colour=green",
    PAGE + "?colour=red",
]


@pytest.mark.asyncio
async def test_parts_of_contexts_too(scenes_db, serve, accesses, only_pca):
    """For what lists and fields of a context hold: as the pages use it when they are shown."""
    with closing(sqlite3.connect(scenes_db)) as conn:
        conn.executescript(
            """
            create virtual table photos_fts using fts5(title, content="photos", content_rowid="id");
            insert into photos_fts (rowid, title) select id, title from photos;
            """
        )
    # Copies and lookalikes need a calibrated table; `files` stays without.
    tiers.calibrate(scenes_db, "photos")
    ds = serve(scenes_db)
    ds.root_enabled = True
    for address in ADDRESSES:
        response = await ds.client.get(address, cookies=cookies(ds, "root"))
        assert response.status_code == (404 if "absent" in address else 200), response.text
    for query in ("", "?like=5&_crop=0,0,500,500"):
        response = await post(ds, form(part(PICTURE)), PAGE + query)
        assert response.status_code == 200, response.text
    parts = {type_: names for type_, names in accesses.items() if "revimg" in type_.__module__}
    declared = {type_: names_of(type_) for type_ in parts}
    assert len(parts) >= 20
    assert parts == declared


def test_the_environment_is_datasettes(ds):
    """The recording above hears of what Datasette renders."""
    environment = ds.get_jinja_environment() if IS_1 else ds.jinja_env
    assert isinstance(environment, Environment)
    assert type(environment).getattr is Environment.getattr
