"""Datasette asks the jobs. No computation of its own.

Datasette loads this package as the plugin, and finds ``templates`` and ``static`` beside it.
"""

from .hooks import (
    actor_from_request,
    asgi_wrapper,
    duplicates_actions,
    extra_css_urls,
    get_metadata,
    menu_links,
    overview_actions,
    permission_allowed,
    permission_resources_sql,
    prepare_connection,
    register_actions,
    register_commands,
    register_routes,
    render_cell,
    row_actions,
    shutdown,
    skip_csrf,
    startup,
    table_actions,
    track_event,
    write_wrapper,
)

__all__ = [
    "actor_from_request",
    "asgi_wrapper",
    "duplicates_actions",
    "extra_css_urls",
    "get_metadata",
    "menu_links",
    "overview_actions",
    "permission_allowed",
    "permission_resources_sql",
    "prepare_connection",
    "register_actions",
    "register_commands",
    "register_routes",
    "render_cell",
    "row_actions",
    "shutdown",
    "skip_csrf",
    "startup",
    "table_actions",
    "track_event",
    "write_wrapper",
]
