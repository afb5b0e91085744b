"""`zhoubian serve`."""

from __future__ import annotations

import logging

import typer

from geo.errors import StoreError
from layers.store import Store

from ..i18n import Lang, text
from ..usecases import follow_columns
from .show import Door, door, say

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts that only this computer reaches."""


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the command to the program."""

    @program.command("serve", help=text("cli.serve", lang))
    def serve(
        context: typer.Context,
        host: str = typer.Option("127.0.0.1", help=text("cli.serve_host", lang)),
        port: int = typer.Option(8000, help=text("cli.serve_port", lang), min=0, max=65535),
        allow_import: bool = typer.Option(False, "--allow-import", help=text("cli.serve_allow_import", lang)),
    ) -> None:
        run(door(context), host, port, allow_import=allow_import)


def run(here: Door, host: str, port: int, path: str = "/", *, allow_import: bool = False) -> None:
    """Serve the pages until stopped, the address printed once the server listens.

    Where other computers are served, files are imported through the pages only if that is allowed:
    nobody has to log in, so everybody there could.
    """
    # half a second of imports that no other command has to wait for
    import waitress  # noqa: PLC0415

    from ..web.app import create_app  # noqa: PLC0415

    with Store.open(here.settings.store, create=False) as store:
        follow_columns.columns(store)  # read once: the first page of figures need not wait for it
    alone = host in LOOPBACK
    app = create_app(
        here.settings.store,
        here.lang,
        hosts=LOOPBACK if alone else None,
        imports_open=alone or allow_import,
    )
    # "task queue depth" is told whenever a page asks for more files at once than there are threads
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    try:
        server = waitress.create_server(app, host=host, port=port, threads=8)
    except (OSError, ValueError) as fault:  # ValueError: a host that no name server knows
        reason = getattr(fault, "strerror", None) or str(fault)
        raise StoreError(
            f"the address {host}:{port} cannot be served ({reason}); choose another --port or --host",
            code="serve_address", host=host, port=port, detail=reason,
        ) from fault  # fmt: skip
    bound = server.effective_port
    shown = f"[{host}]" if ":" in host else host
    say(text("cli.serving", here.lang, address=f"http://{shown}:{bound}{path}"))
    try:
        server.run()
    finally:
        server.close()
