"""The command `plait`: what it can do, and how it ends when something is wrong.

Each command imports what it needs when it runs, so that `plait --help` answers at once.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from plait.local.mistake import Mistake

_HELP = """Run, watch and call a system of gRPC services on this machine.

Exit codes: 0 done; 1 it failed; 2 the command, plait.toml or a name is wrong; 3 plait does not run
here, or a service that is needed does not answer; 4 plait runs here already; 5 a log-in is needed,
has ended or was refused. PLAIT_DEBUG=1 shows the traceback behind an error message.
"""

app = typer.Typer(
    help=_HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Name = Annotated[str, typer.Argument(help="A process: gateway, console or a service.")]


class _Here:
    """The project that the command is about."""

    root: Path | None = None


def project_root() -> Path:
    """Return the folder of plait.toml: the one of --root, or the next one above.

    Raises:
        Mistake: there is none.
    """
    from plait.local.config import find  # noqa: PLC0415 - see above

    return find((_Here.root or Path.cwd()).absolute())


@app.callback()
def options(
    root: Annotated[
        Path | None,
        typer.Option(help="The project's folder. Default: this one or one above with plait.toml."),
    ] = None,
) -> None:
    _Here.root = root


@app.command()
def up(
    *,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when everything is ready.")
    ] = False,
    database: Annotated[
        str,
        typer.Option(
            envvar="PLAIT_DATABASE",
            help="sqlite, or postgres: a server of the project's own, a database for each service.",
        ),
    ] = "sqlite",
) -> None:
    """Start everything in plait.toml, watch it, start again what ends. Ctrl-C drains and stops."""
    from rich.console import Console  # noqa: PLC0415 - see above

    from plait.local.up import up as run  # noqa: PLC0415 - see above
    from plait.local.up import up_detached  # noqa: PLC0415 - see above

    start = up_detached if detach else run
    told = {**os.environ, "PLAIT_DATABASE": database}
    raise typer.Exit(start(project_root(), told, Console()))


@app.command()
def down() -> None:
    """Drain and stop what `plait up` runs here."""
    from plait.cli import running  # noqa: PLC0415 - see above

    running.down(project_root())


@app.command()
def restart(name: Name) -> None:
    """Drain one process and start it again, with the project's own code as it is now."""
    from plait.cli import running  # noqa: PLC0415 - see above

    raise typer.Exit(running.restart(project_root(), name))


@app.command()
def ps(*, json: Json = False) -> None:
    """Show the processes of this project."""
    from plait.cli import running  # noqa: PLC0415 - see above

    running.ps(project_root(), json=json)


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="One process; without it all, merged by time.")] = "",
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    lines: Annotated[int, typer.Option("-n", min=0, help="How many lines from the end.")] = 50,
    json: Json = False,
) -> None:
    """Show what the processes have logged."""
    from plait.cli import logs as command  # noqa: PLC0415 - see above

    command.show(project_root(), name, count=lines, follow=follow, raw=json)


@app.command()
def login(
    email: Annotated[
        str, typer.Argument(help="Who logs in. The password is asked for, without showing it.")
    ] = "",
    *,
    admin: Annotated[
        bool, typer.Option("--admin", help="As the first admin, with the secret of `plait up`.")
    ] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    print_token: Annotated[
        bool, typer.Option("--print-token", help="Print the token, for `authorization: Bearer`.")
    ] = False,
) -> None:
    """Log in by the methods that plait.toml names, for `plait call`, which renews the session.

    Exit codes: 2 it is not said who logs in or how; 3 the service does not answer; 5 refused, for a
    wrong address or password, or after too many attempts: then it says when to try again.
    """
    from plait.cli import login as command  # noqa: PLC0415 - see above

    command.log_in(
        project_root(),
        email,
        admin=admin,
        password_stdin=password_stdin,
        print_token=print_token,
    )


@app.command()
def logout() -> None:
    """End the session of the last `plait login`, and forget it.

    Exit codes: 1 it is forgotten, but the service did not hear of it; 5 nobody is logged in.
    """
    from plait.cli import login as command  # noqa: PLC0415 - see above

    raise typer.Exit(command.log_out(project_root()))


@app.command()
def call(  # noqa: PLR0913 - each is an option of the command
    method: Annotated[
        str,
        typer.Argument(help="catalog/GetProduct, or shop.catalog.v1.CatalogService/GetProduct."),
    ],
    fields: Annotated[
        list[str] | None,
        typer.Argument(help="The request: name=products/p1 product.price.units=5 tags=a tags=b."),
    ] = None,
    *,
    data: Annotated[
        str, typer.Option("--data", "-d", help="The request as JSON; @FILE or @- reads it.")
    ] = "",
    target: Annotated[
        str, typer.Option(help="host:port. Default: where the service of plait.toml runs.")
    ] = "",
    token: Annotated[
        str | None,
        typer.Option(
            help="A user's token ('' for none). Default: the last login's, for services here."
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.001, help="Seconds for a call without streams.")
    ] = 30.0,
    trace: Annotated[
        bool, typer.Option("--trace", help="Print the call's spans as a tree.")
    ] = False,
) -> None:
    """Call a method by reflection, JSON in and JSON out. A stream is one JSON value a line.

    The error of a call is printed with its details on stderr; the exit code is then 1.
    """
    from plait.cli import call as command  # noqa: PLC0415 - see above

    wish = command.Wish(
        method=method,
        fields=tuple(fields or ()),
        data=data,
        target=target,
        token=token,
        timeout=timeout,
        trace=trace,
    )
    raise typer.Exit(command.run(_Here.root, wish))


@app.command()
def migrate(
    service: Annotated[str, typer.Argument(help="A service that has migrations in plait.toml.")],
) -> None:
    """Bring a service's database (DATABASE_URL, or the local one) to its newest revision."""
    from plait.cli import data  # noqa: PLC0415 - see above

    data.migrate(project_root(), service)


@app.command()
def seed(
    products: Annotated[
        int | None, typer.Option(min=1, help="How many products. Default: the service's own.")
    ] = None,
) -> None:
    """Fill the running system with data to try it with, as who is logged in (an admin)."""
    from plait.cli import data  # noqa: PLC0415 - see above

    raise typer.Exit(data.seed(project_root(), products))


@app.command()
def secrets(
    folder: Annotated[
        Path, typer.Argument(help="A deployment: the folder that holds its secrets.toml.")
    ],
) -> None:
    """Make the secrets of a deployment, each in a file that only you can read; what is there stays.

    Prints the names of the files, never what is in them.
    """
    from plait.cli import secrets as command  # noqa: PLC0415 - see above

    command.command(folder)


@app.command()
def generate(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if something is not fresh.")
    ] = False,
) -> None:
    """Write the generated code from protos/."""
    from plait.cli.generate import GenerateError, generate_command  # noqa: PLC0415 - see above

    try:
        generate_command(check=check, root=project_root())
    except GenerateError as error:
        raise Mistake(str(error)) from error


@app.command()
def demo() -> None:
    """Walk through the running system, each request shown as curl, as grpcurl and as a trace."""
    from plait.cli import demo as command  # noqa: PLC0415 - see above

    raise typer.Exit(command.run(project_root()))


def main() -> None:
    """Run the command; a mistake ends it with its sentence and its exit code."""
    try:
        app()
    except Mistake as mistake:
        if os.environ.get("PLAIT_DEBUG") == "1":
            raise
        sys.stderr.write(f"plait: {mistake}\n")
        sys.exit(mistake.code)


if __name__ == "__main__":
    main()
