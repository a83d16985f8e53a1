"""The crane command."""

from __future__ import annotations

import click

from crane_cli import __version__
from crane_cli.command import LazyGroup
from crane_cli.session import Session

COMMANDS = {
    "stack": ("crane_cli.commands.stack:stack", "Deploy stacks and look at them."),
    "service": ("crane_cli.commands.service:service", "Look at services and change them."),
    "task": ("crane_cli.commands.task:task", "Look at tasks."),
    "logs": ("crane_cli.commands.logs:logs", "Show what a service, a stack, a task or a container prints."),
    "why": ("crane_cli.commands.why:why", "Say why a task died, also when its service is gone."),
    "network": ("crane_cli.commands.network:network", "Make networks, connect containers, and see who is on them."),
    "exec": ("crane_cli.commands.exec:exec_", "Run a program in a container of any node, or open a shell there."),
    "recording": ("crane_cli.commands.recording:recording", "See, download and remove recorded terminals."),
    "secret": ("crane_cli.commands.secret:secret", "Make secrets, rotate and remove them, and see who uses them."),
    "config": ("crane_cli.commands.config:config", "Make configs, rotate and remove them, and see who uses them."),
    "node": ("crane_cli.commands.node:node", "Look at nodes, change them, and have machines join."),
    "swarm": ("crane_cli.commands.swarm:swarm", "Look at the Swarm, set it up, and have machines join."),
    "container": ("crane_cli.commands.container:container", "Look at the containers of all nodes, and act on them."),
    "image": ("crane_cli.commands.image:image", "Look at the images of all nodes, pull, tag and remove them."),
    "volume": ("crane_cli.commands.volume:volume", "Look at the volumes of all nodes, make and remove them."),
    "dashboard": (
        "crane_cli.commands.dashboard:dashboard",
        "Show how the Swarm fares: nodes, services in trouble and why, and who uses most.",
    ),
    "top": (
        "crane_cli.commands.top:top",
        "Show what services, stacks, nodes, tasks or containers use, who uses most first.",
    ),
    "agent": (
        "crane_cli.commands.agent:agent",
        "Install, rotate and remove the agent, which reaches the Engine of each node.",
    ),
    "usage": (
        "crane_cli.commands.usage:usage",
        "Show what a service, a stack, a task, a container or the tasks of a node used over time.",
    ),
    "events": (
        "crane_cli.commands.events:events",
        "See what happens: on every node, in the Swarm, to tasks and in Crane, in one order.",
    ),
    "doctor": (
        "crane_cli.commands.doctor:doctor",
        "Look what is wrong with the Swarm or will be, and what to do about it.",
    ),
    "operation": ("crane_cli.commands.operation:operation", "Look at changes that go on or have ended."),
    "timeline": ("crane_cli.commands.timeline:timeline", "See what happened, who did it, and how it ended."),
    "quota": ("crane_cli.commands.quota:quota", "Limit how much the services of some stacks may ask for."),
    "plugin": ("crane_cli.commands.plugin:plugin", "Look at the server's plugins."),
    "database": ("crane_cli.commands.database:database", "Show the server's database, its tables and last backup."),
    "login": ("crane_cli.commands.login:login", "Log in to a server: check it, and remember it and the token."),
    "logout": (
        "crane_cli.commands.login:logout",
        "Forget a server and its token; without a URL the one that commands go to.",
    ),
    "whoami": ("crane_cli.commands.whoami:whoami", "Say who the server takes you for."),
    "token": ("crane_cli.commands.token:token", "Make and revoke API tokens."),
    "user": ("crane_cli.commands.user:user", "Make users, and accounts of programs; change and remove them."),
    "group": ("crane_cli.commands.group:group", "Make groups, and put accounts into them."),
    "role": ("crane_cli.commands.role:role", "Look at roles, and make roles of your own."),
    "grant": ("crane_cli.commands.grant:grant", "Give roles to users and groups, and take them back."),
    "may": ("crane_cli.commands.may:may", "Say what somebody may do, and why; without a name, what you may."),
    "completion": ("crane_cli.commands.completion:completion", "Print a shell's completion script."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="crane", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Deploy to a Docker Swarm through a Crane server, and know how it ended.

    \b
    crane stack deploy -c stack.yml shop

    Exit status: 0 converged or done, 1 not, 2 wrong usage or refused input, 3 timed out or not known yet,
    130 interrupted while following.
    """
    context.ensure_object(Session)


def main() -> None:
    """Run the program. The entry point of ``crane``."""
    cli(prog_name="crane")


if __name__ == "__main__":
    main()
