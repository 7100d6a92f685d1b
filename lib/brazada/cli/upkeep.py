"""Commands that look after the warehouse: serve it to JDBC clients."""

from __future__ import annotations

import time

import click

from brazada import domains
from brazada.cli.inspect import warehouse
from brazada.cli.options import with_settings
from brazada.settings import Settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=10000, show_default=True, help="Port to listen on; 0: any that is free.")
@click.option("--refresh", default=60.0, show_default=True, help="Seconds between two looks for new tables; 0: never.")
@with_settings
def serve(settings: Settings, verbose: bool, host: str, port: int, refresh: float) -> None:
    """Serve all tables and views to JDBC clients, which only read, until Ctrl-C or SIGTERM."""
    from brazada.serve import free_port, serving

    port = free_port(host, port)
    store = warehouse(settings, verbose)
    names = store.attach(domains.views())
    with serving(store.spark, host, port):
        click.echo(f"{len(names)} tables and their views at jdbc:hive2://{host}:{port}")
        click.echo(f"try: beeline -u jdbc:hive2://{host}:{port} -e 'SHOW SCHEMAS'; end with Ctrl-C")
        while True:
            time.sleep(refresh or 3600)
            if refresh:
                store.attach(domains.views())
