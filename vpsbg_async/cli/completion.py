"""``vpsbg completion``: the commands and options of vpsbg at the Tab key."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal, get_args

from cyclopts import App, Parameter
from cyclopts.completion import ShellDetectionError, detect_shell

from ..errors import ConfigurationError
from .exits import FailedError

__all__ = ["app"]

_Shell = Literal["bash", "zsh", "fish"]
_SHELLS = get_args(_Shell)
Shell = Annotated[_Shell | None, Parameter(help="Which shell; by default the one it runs in.")]

app = App(name="completion")


@app.command
def show(*, shell: Shell = None) -> None:
    """Write the script that teaches a shell to complete."""
    sys.stdout.write(f"{_root().generate_completion(shell=_known(shell))}\n")


@app.command
def install(*, shell: Shell = None) -> None:
    """Keep the script where the shell finds it.

    For bash and zsh a line is added to ~/.bashrc or ~/.zshrc, once. It takes effect in shells that
    are started later.
    """
    shell = _known(shell)
    try:
        path: Path = _root().install_completion(shell=shell)
    except OSError as error:
        raise FailedError(f"the script cannot be kept: {error}") from error
    sys.stdout.write(f"{shell} completes vpsbg from its next start on, by {path}\n")


def _root() -> App:
    from .app import app  # noqa: PLC0415 - which knows of this command in turn

    return app


def _known(shell: _Shell | None) -> _Shell:
    if shell is not None:
        return shell
    with suppress(ShellDetectionError):
        found = detect_shell()
        if found != "powershell":
            return found
    raise ConfigurationError(f"which shell is it? give one of --shell {', '.join(_SHELLS)}")
