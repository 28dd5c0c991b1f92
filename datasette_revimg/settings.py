"""The plugin's configuration: ``plugins: datasette-revimg:``, at the top or closer to the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

PLUGIN = "datasette-revimg"
MAX_SIZE = 200


class SettingsError(ValueError):
    """A setting can't be what it is; the message names it."""


@dataclass(frozen=True)
class Settings:
    """``size``: how many similar pictures a page shows; ``similar_columns``: what it says under
    each of them, beside the label."""

    size: int = 24
    similar_columns: tuple[str, ...] = ()


def parse(configured: Mapping[str, Any]) -> Settings:
    """The settings of one place, or of several merged. SettingsError names what is wrong."""
    if not isinstance(configured, Mapping):
        raise SettingsError(f"must be a mapping of settings to values, not {configured!r}")
    known = {field.name for field in fields(Settings)}
    for name in configured:
        if name not in known:
            raise SettingsError(f"has no setting {name!r}: there are {', '.join(sorted(known))}")
    size = configured.get("size", Settings.size)
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MAX_SIZE:
        raise SettingsError(f"size must be a whole number from 1 to {MAX_SIZE}, not {size!r}")
    columns = configured.get("similar_columns", [])
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise SettingsError(f"similar_columns must be a list of column names, not {columns!r}")
    return Settings(size, tuple(columns))


def of_table(datasette: Any, database: str, table: str) -> Settings:
    """A table's settings: its own, then its database's, then those at the top.

    Merged here because Datasette's own fall-back doesn't reach past a place that has anything.
    """
    merged: dict[str, Any] = {}
    for place in ({}, {"database": database}, {"database": database, "table": table}):
        merged.update(datasette.plugin_config(PLUGIN, **place, fallback=False) or {})
    return parse(merged)


def check(datasette: Any, database: str | None, table: str | None) -> None:
    """Raise SettingsError for what is wrong with the settings of exactly this place."""
    configured = datasette.plugin_config(PLUGIN, database=database, table=table, fallback=False)
    if configured is None:
        return
    try:
        parse(configured)
    except SettingsError as error:
        place = "".join(
            f" {kind} {name!r}:"
            for kind, name in (("database", database), ("table", table))
            if name
        )
        raise SettingsError(f"plugins: {PLUGIN}:{place} {error}") from error
