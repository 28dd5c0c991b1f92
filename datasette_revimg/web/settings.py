"""The plugin's configuration: ``plugins: datasette-revimg:``, at the top or closer to the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..models.devices import DEVICES
from ..search.cache import LIMIT_BYTES
from .compat import Datasette

PLUGIN = "datasette-revimg"
MAX_SIZE = 200


class SettingsError(ValueError):
    """A setting has a value that is not valid; the message names it."""


@dataclass(frozen=True)
class Settings:
    """The settings of the plugin.

    ``size``: the number of similar pictures on a page. ``similar_columns``: columns to show under
    each of them, beside the label. ``upload``: whether visitors may search by image or region.
    ``max_upload_bytes``: the limit for their files. ``device`` and ``threads``: where the network
    runs, and on how many threads; 0 leaves that to ONNX Runtime. ``models_dir``: the folder of
    models. ``base_dirs``: folders outside the database's own whose pictures may be read; what the
    database itself says of them is data, which others may have written. ``max_cache_bytes``: the
    memory for search indexes, of all tables together. ``embed_changes``: whether the server embeds
    rows that are added or changed through Datasette 1.0.
    """

    size: int = 24
    similar_columns: tuple[str, ...] = ()
    upload: bool = True
    max_upload_bytes: int = 20_000_000
    device: str = "auto"
    threads: int = 0
    models_dir: Path | None = None
    base_dirs: tuple[Path, ...] = ()
    max_cache_bytes: int = LIMIT_BYTES
    embed_changes: bool = True


def parse(configured: Mapping[str, Any]) -> Settings:
    """Return the settings of one place, or of several merged.

    Raises SettingsError, which names the wrong one.
    """
    if not isinstance(configured, Mapping):
        raise SettingsError(f"must be a mapping of settings to values, not {configured!r}")
    known = {field.name for field in fields(Settings)}
    for name in configured:
        if name not in known:
            raise SettingsError(
                f"has no setting {name!r}; the settings are {', '.join(sorted(known))}"
            )
    size = configured.get("size", Settings.size)
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MAX_SIZE:
        raise SettingsError(f"size must be a whole number from 1 to {MAX_SIZE}, not {size!r}")
    columns = configured.get("similar_columns", [])
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise SettingsError(f"similar_columns must be a list of column names, not {columns!r}")
    device = configured.get("device", Settings.device)
    if device not in DEVICES:
        raise SettingsError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    folder = configured.get("models_dir")
    if folder is not None and (not isinstance(folder, str) or not folder):
        raise SettingsError(f"models_dir must be a folder, not {folder!r}")
    base_dirs = configured.get("base_dirs", [])
    if not isinstance(base_dirs, list) or not all(isinstance(name, str) for name in base_dirs):
        raise SettingsError(f"base_dirs must be a list of folders, not {base_dirs!r}")
    return Settings(
        size=size,
        similar_columns=tuple(columns),
        upload=_switch(configured, "upload", Settings.upload),
        max_upload_bytes=_positive(configured, "max_upload_bytes", Settings.max_upload_bytes),
        device=device,
        threads=_positive(configured, "threads", Settings.threads),
        models_dir=Path(folder).expanduser() if folder else None,
        base_dirs=tuple(Path(name).expanduser() for name in base_dirs),
        max_cache_bytes=_positive(configured, "max_cache_bytes", Settings.max_cache_bytes),
        embed_changes=_switch(configured, "embed_changes", Settings.embed_changes),
    )


def _switch(configured: Mapping[str, Any], name: str, default: bool) -> bool:
    value = configured.get(name, default)
    if not isinstance(value, bool):
        raise SettingsError(f"{name} must be true or false, not {value!r}")
    return value


def _positive(configured: Mapping[str, Any], name: str, default: int) -> int:
    value = configured.get(name, default)
    if name in configured and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise SettingsError(f"{name} must be a whole number of at least 1, not {value!r}")
    return int(value)


def for_table(datasette: Datasette, database: str, table: str) -> Settings:
    """Return a table's settings: its own, then its database's, then those at the top.

    Merged here because Datasette's own fall-back doesn't reach past a place that has anything.
    """
    merged: dict[str, Any] = {}
    for place in ({}, {"database": database}, {"database": database, "table": table}):
        merged.update(datasette.plugin_config(PLUGIN, **place, fallback=False) or {})
    return parse(merged)


def of_process(datasette: Datasette) -> Settings:
    """Return the settings at the top."""
    return parse(datasette.plugin_config(PLUGIN, fallback=False) or {})


def check(datasette: Datasette, database: str | None, table: str | None) -> None:
    """Check the settings of exactly this place. Raises SettingsError, which names the wrong one."""
    configured = datasette.plugin_config(PLUGIN, database=database, table=table, fallback=False)
    if configured is None:
        return
    try:
        folder = parse(configured).models_dir
        if database and "max_cache_bytes" in configured:
            raise SettingsError(
                "max_cache_bytes is for all tables together: set it at the top level"
            )
        if folder and not folder.is_dir():
            raise SettingsError(f"models_dir: there is no folder {str(folder)!r}")
    except SettingsError as error:
        place = "".join(
            f" {kind} {name!r}:"
            for kind, name in (("database", database), ("table", table))
            if name
        )
        raise SettingsError(f"plugins: {PLUGIN}:{place} {error}") from error
