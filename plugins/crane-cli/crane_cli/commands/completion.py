"""crane completion: the scripts with which shells complete a command line."""

from __future__ import annotations

import click

from crane_cli.command import Command

SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a shell's completion script.

    \b
    bash:  source <(crane completion bash)
    zsh:   source <(crane completion zsh)
    fish:  crane completion fish | source
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.BadParameter(f"{shell} has no completion.")
    complete = kind(context.find_root().command, {}, "crane", "_CRANE_COMPLETE")
    # Click's source() for bash runs bash to see how old it is; the script alone is what is wanted here.
    click.echo(complete.source_template % complete.source_vars())
