"""What the keys of a Compose file mean to a Swarm, in a sentence each, for editors that show it beside the key."""

from __future__ import annotations

from collections.abc import Mapping

from crane_core.orchestration.stacks.formats.compose import ignored
from crane_core.orchestration.stacks.formats.compose.schema import DEPLOY, FILE, SERVICE, Schema

TOP_LEVEL: dict[str, str] = {
    "configs": "Files that services mount; a content that changed becomes a new version.",
    "name": "The Swarm does not look at it: a stack is called what it is deployed as.",
    "networks": "Networks that connect the services; without any, all of them are on one called `default`.",
    "secrets": "Files that services mount and nobody reads back; a content that changed becomes a new version.",
    "services": "What runs, by name.",
    "version": "The version of the format, 3.0 to 3.13; may be left out.",
    "volumes": "Volumes that services mount; each node has its own, unless their driver shares them.",
}
SERVICE_KEYS: dict[str, str] = {
    "build": "Ignored. A Swarm builds no images: push the image to a registry and name it with `image`.",
    "cap_add": "Linux capabilities that the tasks get, such as `NET_ADMIN`.",
    "cap_drop": "Linux capabilities that the tasks lose; `ALL` for all of them.",
    "command": "What is run in place of the image's command, as a list or as a line of words.",
    "configs": "Configs to mount, by name, or each with its `source`, `target`, `uid`, `gid` and `mode`.",
    "credential_spec": "The credential spec of a Windows service: a `config`, a `file` or a `registry` value.",
    "deploy": "How many tasks there are, where they run, and how they are updated.",
    "dns": "Addresses of name servers to ask.",
    "dns_search": "Domains in which short names are looked up.",
    "entrypoint": "What is run in place of the image's entrypoint, as a list or as a line of words.",
    "env_file": "Files that hold variables, one `NAME=value` a line; `environment` wins over them.",
    "environment": "Variables, by name or as a list of `NAME=value`.",
    "extends": "Another service, of this file or of a `file`, whose keys this one takes over.",
    "extra_hosts": "Further names of hosts, each with its address.",
    "group_add": "Further groups of the user in the container.",
    "healthcheck": "How it is found out whether a task is healthy; one that is not is replaced.",
    "hostname": "What a container calls itself.",
    "image": "The image that the tasks run, such as `nginx:1.27` or `ghcr.io/team/app:2`.",
    "init": "Whether a small init process is the first in the container and reaps the others.",
    "isolation": "How a container is isolated on Windows: `process` or `hyperv`.",
    "labels": "Labels of the containers; those of the service itself stand below `deploy`.",
    "logging": "The `driver` of the logs and its `options`.",
    "networks": "Networks to be on, by name; with `aliases`, under further names.",
    "oom_score_adj": "How soon the kernel ends it when memory is short, from -1000 to 1000.",
    "platform": "The platform that a node must have, such as `linux/arm64`.",
    "ports": "Ports to publish, as in `8080:80`, or each with its `target`, `published`, `protocol` and `mode`.",
    "profiles": "The service is left out unless one of these profiles is active.",
    "read_only": "Whether the container's file system is read-only.",
    "restart": "What is done when a task ends; `deploy.restart_policy` says more, and wins.",
    "secrets": "Secrets to mount below `/run/secrets`, by name, or each with its `source` and `target`.",
    "stdin_open": "Whether standard input stays open.",
    "stop_grace_period": "How long a task may take to stop before it is killed, such as `30s`.",
    "stop_signal": "The signal that asks a task to stop.",
    "sysctls": "Parameters of the kernel in the container, such as `net.core.somaxconn`.",
    "tty": "Whether there is a terminal.",
    "ulimits": "Limits of the processes, such as `nofile`, as one number or as `soft` and `hard`.",
    "user": "The user that the processes run as, as a name or a number; a group may follow a colon.",
    "volumes": "What to mount: `volume:/path`, `/path/on/the/node:/path`, or with `type`, `source` and `target`.",
    "working_dir": "The directory that the command starts in.",
}
DEPLOY_KEYS: dict[str, str] = {
    "endpoint_mode": "How the service's name is found: `vip`, one address for all tasks, or `dnsrr`, all addresses.",
    "labels": "Labels of the service; those of its containers stand beside `deploy`.",
    "mode": "`replicated`, `global` (once on each node), or a job: `replicated-job`, `global-job`.",
    "placement": "Which nodes it runs on: `constraints`, `preferences`, `max_replicas_per_node`.",
    "replicas": "How many tasks there are; of a job, how many must complete.",
    "resources": "The `limits` of a task, and the `reservations` that a node must have left for it.",
    "restart_policy": "When a task that ended is replaced: `condition`, `delay`, `max_attempts`, `window`.",
    "rollback_config": "How an update is taken back; the keys are those of `update_config`.",
    "update_config": "How many tasks are replaced at a time, in which order, and what happens when some fail.",
}


def explain() -> Schema:
    """Return the schema that Compose files are checked with, and what each key means beside it.

    Files are checked once their variables are filled in.
    """
    deploy = _explained(DEPLOY, DEPLOY_KEYS)
    service = _explained(SERVICE, {**_say_ignored(ignored.SERVICE), **SERVICE_KEYS})
    service["properties"]["deploy"] |= deploy
    file = _explained(FILE, {**_say_ignored(ignored.TOP_LEVEL), **TOP_LEVEL})
    file["properties"]["services"]["additionalProperties"] = service
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Compose file, as a Swarm can do it",
        **file,
    }


def _explained(schema: Schema, meanings: Mapping[str, str]) -> Schema:
    """Return a mapping's schema with the meaning of each of its keys, the schema itself left as it is."""
    properties = {key: {**inner, "description": meanings[key]} for key, inner in schema["properties"].items()}
    return {**schema, "properties": properties}


def _say_ignored(table: Mapping[str, str]) -> dict[str, str]:
    return {key: f"Ignored. {why}" for key, why in table.items()}
