"""One live service as a service of a Compose file."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crane_core.orchestration.stacks.desired import IMAGE_LABEL
from crane_core.orchestration.stacks.formats.export.hiding import Hiding, Note
from crane_core.orchestration.stacks.formats.export.mounts import Mounts
from crane_core.orchestration.stacks.formats.export.naming import JSON, own_labels
from crane_core.orchestration.stacks.formats.export.objects import Files, Networks
from crane_core.orchestration.stacks.formats.export.remains import Remains, said
from crane_core.orchestration.stacks.formats.export.writing import Octal, Quoted, duration, escape, processors, size
from crane_core.orchestration.stacks.normal import environment, normalise
from crane_core.redaction import redact

CONTAINER = "TaskTemplate/ContainerSpec"
READABLE_BY_ALL = 0o444

# Fields of a container that Compose has under another name.
_PLAIN = (
    ("hostname", "Hostname"),
    ("user", "User"),
    ("working_dir", "Dir"),
    ("group_add", "Groups"),
    ("init", "Init"),
    ("read_only", "ReadOnly"),
    ("tty", "TTY"),
    ("stdin_open", "OpenStdin"),
    ("stop_signal", "StopSignal"),
    ("isolation", "Isolation"),
    ("oom_score_adj", "OomScoreAdj"),
    ("sysctls", "Sysctls"),
    ("dns", "DNSConfig/Nameservers"),
    ("dns_search", "DNSConfig/Search"),
)


@dataclass
class Services:
    """Turns services into those of a Compose file, and notes what cannot be said in one."""

    stack: str
    networks: Networks
    configs: Files
    secrets: Files
    mounts: Mounts
    hiding: Hiding
    note: Note

    def write(self, name: str, spec: Mapping[str, Any]) -> JSON:
        """Return a service of the file.

        :param name: Its name in the file.
        :param spec: Its live spec.
        """
        remains = Remains(copy.deepcopy(normalise(spec)))
        at = f"/services/{name}"
        remains.take("Name")
        remains.take("TaskTemplate/ForceUpdate")
        labels = remains.take("Labels", {})
        written: JSON = {"image": escape(_image(remains.take(f"{CONTAINER}/Image", ""), labels.get(IMAGE_LABEL, "")))}
        written |= self._command(remains, name, at)
        written |= self._container(remains, name, at)
        written["networks"] = self.networks.write(name, remains.take("TaskTemplate/Networks", []), at)
        written["ports"] = [self._port(port) for port in remains.take("EndpointSpec/Ports", [])]
        written["volumes"] = [
            self.mounts.write(mount, f"{at}/volumes/{index}")
            for index, mount in enumerate(remains.take(f"{CONTAINER}/Mounts", []))
        ]
        written |= self._files(remains, at)
        written["logging"] = self._logging(remains, name, at)
        written["deploy"] = self._deploy(remains, labels, name, at)
        for pointer, value in remains.left():
            self.note(at, f"{pointer} of the live service is {_shown(pointer, value)}; a Compose file cannot say that.")
        return {key: value for key, value in written.items() if value not in (None, [], {})}

    def _command(self, remains: Remains, name: str, at: str) -> JSON:
        return {
            "entrypoint": self.hiding.words(remains.take(f"{CONTAINER}/Command", []), f"{at}/entrypoint", name),
            "command": self.hiding.words(remains.take(f"{CONTAINER}/Args", []), f"{at}/command", name),
        }

    def _container(self, remains: Remains, name: str, at: str) -> JSON:
        written = {key: escape(remains.take(f"{CONTAINER}/{member}")) for key, member in _PLAIN}
        # A variable without a value stays one: Compose then takes the value from whoever deploys, if they have one.
        variables = environment(remains.take(f"{CONTAINER}/Env", []))
        written["environment"] = self.hiding.pairs(dict(variables), f"{at}/environment", name)
        labels = own_labels(remains.take(f"{CONTAINER}/Labels"))
        written["labels"] = self.hiding.pairs(dict(labels), f"{at}/labels", name)
        for key, member in (("cap_add", "CapabilityAdd"), ("cap_drop", "CapabilityDrop")):
            written[key] = [name.removeprefix("CAP_") for name in remains.take(f"{CONTAINER}/{member}", [])]
        written["extra_hosts"] = _hosts(remains.take(f"{CONTAINER}/Hosts", []))
        grace_period = remains.take(f"{CONTAINER}/StopGracePeriod")
        written["stop_grace_period"] = None if grace_period is None else duration(grace_period)
        written["ulimits"] = {
            limit["Name"]: _ulimit(limit.get("Soft", 0), limit.get("Hard", 0))
            for limit in remains.take(f"{CONTAINER}/Ulimits", [])
        }
        written["healthcheck"] = self._healthcheck(remains, name, at)
        return written

    def _healthcheck(self, remains: Remains, name: str, at: str) -> JSON:
        member = f"{CONTAINER}/Healthcheck"
        test = remains.take(f"{member}/Test", [])
        times = {
            key: _optional_duration(remains.take(f"{member}/{part}"))
            for key, part in (
                ("interval", "Interval"),
                ("timeout", "Timeout"),
                ("start_period", "StartPeriod"),
                ("start_interval", "StartInterval"),
            )
        }
        if test == ["NONE"]:
            return {"disable": True}
        written = self.hiding.words(test, f"{at}/healthcheck/test", name)
        shell = len(test) == 2 and test[0] == "CMD-SHELL"
        return said({"test": written[1] if shell else written, "retries": remains.take(f"{member}/Retries"), **times})

    def _files(self, remains: Remains, at: str) -> JSON:
        configs = remains.take(f"{CONTAINER}/Configs", [])
        by_id = {reference.get("ConfigID"): reference for reference in configs}
        credential: JSON = {}
        for key, member in (("config", "Config"), ("file", "File"), ("registry", "Registry")):
            if value := remains.take(f"{CONTAINER}/Privileges/CredentialSpec/{member}"):
                name = by_id.get(value, {}).get("ConfigName", value)
                credential[key] = self.configs.key(name) if key == "config" else value
        return {
            "credential_spec": credential,
            "configs": [
                _reference(self.configs.key(reference["ConfigName"]), reference["File"])
                for reference in configs
                if "File" in reference
            ],
            "secrets": [
                _reference(self.secrets.key(reference["SecretName"]), reference["File"])
                for reference in remains.take(f"{CONTAINER}/Secrets", [])
                if "File" in reference
            ],
        }

    def _logging(self, remains: Remains, name: str, at: str) -> JSON:
        options = self.hiding.pairs(remains.take("TaskTemplate/LogDriver/Options", {}), f"{at}/logging/options", name)
        return said({"driver": remains.take("TaskTemplate/LogDriver/Name"), "options": options})

    def _deploy(self, remains: Remains, labels: Mapping[str, str], name: str, at: str) -> JSON:
        return said(
            {
                **self._mode(remains, at),
                "endpoint_mode": remains.take("EndpointSpec/Mode"),
                "labels": self.hiding.pairs(dict(own_labels(labels)), f"{at}/deploy/labels", name),
                "placement": self._placement(remains, at),
                "resources": _resources(remains),
                "restart_policy": said(
                    {
                        "condition": remains.take("TaskTemplate/RestartPolicy/Condition"),
                        "delay": _optional_duration(remains.take("TaskTemplate/RestartPolicy/Delay")),
                        "max_attempts": remains.take("TaskTemplate/RestartPolicy/MaxAttempts"),
                        "window": _optional_duration(remains.take("TaskTemplate/RestartPolicy/Window")),
                    }
                ),
                "update_config": _update(remains, "UpdateConfig"),
                "rollback_config": _update(remains, "RollbackConfig"),
            }
        )

    def _mode(self, remains: Remains, at: str) -> JSON:
        mode = remains.take("Mode", {})
        if "Global" in mode:
            return {"mode": "global"}
        if "GlobalJob" in mode:
            return {"mode": "global-job"}
        if "ReplicatedJob" in mode:
            job = mode["ReplicatedJob"]
            total, concurrent = job["TotalCompletions"], job["MaxConcurrent"]
            if total != concurrent:
                self.note(
                    f"{at}/deploy/replicas",
                    f"The job runs {concurrent} at a time until {total} have ended; Compose runs all of them at once.",
                )
            return {"mode": "replicated-job", "replicas": total if total != 1 else None}
        replicas = mode.get("Replicated", {}).get("Replicas", 1)
        return {"replicas": replicas if replicas != 1 else None}

    def _placement(self, remains: Remains, at: str) -> JSON:
        if platforms := remains.take("TaskTemplate/Placement/Platforms"):
            names = [f"{platform.get('OS', '?')}/{platform.get('Architecture', '?')}" for platform in platforms]
            self.note(
                f"{at}/deploy/placement",
                f"The tasks run on {', '.join(names)} only, which comes from the image; deploying finds it out again.",
            )
        preferences = remains.take("TaskTemplate/Placement/Preferences", [])
        return said(
            {
                "constraints": escape(remains.take("TaskTemplate/Placement/Constraints")),
                "preferences": [
                    {"spread": escape(preference["Spread"].get("SpreadDescriptor", ""))}
                    for preference in preferences
                    if "Spread" in preference
                ],
                "max_replicas_per_node": remains.take("TaskTemplate/Placement/MaxReplicas"),
            }
        )

    @staticmethod
    def _port(port: JSON) -> Any:
        protocol = "" if port["Protocol"] == "tcp" else f"/{port['Protocol']}"
        if port["PublishMode"] == "ingress" and not port.get("Name"):
            published = f"{port['PublishedPort']}:" if port.get("PublishedPort") else ""
            return Quoted(f"{published}{port.get('TargetPort', 0)}{protocol}")
        return said(
            {
                "name": port.get("Name"),
                "target": port.get("TargetPort", 0),
                "published": port.get("PublishedPort"),
                "protocol": port["Protocol"],
                "mode": port["PublishMode"],
            }
        )


def _shown(pointer: str, value: Any) -> str:
    shown = redact(value, pointer.rpartition("/")[2])
    return f'"{shown}"' if isinstance(shown, str) else str(shown).lower() if isinstance(shown, bool) else str(shown)


def _image(image: str, written: str) -> str:
    """Return the image as the file named it, where deploying has only made the name more exact."""
    if not written or image == written:
        return image
    exact = image if "@" in written else image.partition("@")[0]
    return written if _familiar(exact) == _familiar(written) else image


def _familiar(image: str) -> str:
    """Return the shortest name of an image."""
    name = image.removeprefix("docker.io/").removeprefix("library/")
    return name if "@" in name else name.removesuffix(":latest")


def _hosts(lines: Sequence[str]) -> list[str]:
    entries = []
    for line in lines:
        address, *names = line.split()
        entries += [f"{name}:{address}" for name in names]
    return entries


def _ulimit(soft: int, hard: int) -> Any:
    return soft if soft == hard else {"soft": soft, "hard": hard}


def _reference(key: str, file: Mapping[str, Any]) -> Any:
    target, mode = file.get("Name") or key, file.get("Mode", 0)
    owner, group = file.get("UID") or "0", file.get("GID") or "0"
    if (target, owner, group, mode) == (key, "0", "0", READABLE_BY_ALL):
        return key
    return {
        "source": key,
        "target": escape(target),
        **({"uid": Quoted(owner)} if owner != "0" else {}),
        **({"gid": Quoted(group)} if group != "0" else {}),
        **({"mode": Octal(mode)} if mode != READABLE_BY_ALL else {}),
    }


def _resources(remains: Remains) -> JSON:
    at = "TaskTemplate/Resources"
    found: JSON = {}
    for key, member in (("limits", "Limits"), ("reservations", "Reservations")):
        cpus = remains.take(f"{at}/{member}/NanoCPUs")
        memory = remains.take(f"{at}/{member}/MemoryBytes")
        found[key] = said(
            {
                "cpus": processors(cpus) if cpus else None,
                "memory": size(memory) if memory else None,
                "pids": remains.take(f"{at}/{member}/Pids") if key == "limits" else None,
            }
        )
    generic = remains.take(f"{at}/Reservations/GenericResources", [])
    named = [resource for resource in generic if "DiscreteResourceSpec" not in resource]
    counted = [resource["DiscreteResourceSpec"] for resource in generic if "DiscreteResourceSpec" in resource]
    if counted:
        found["reservations"]["generic_resources"] = [
            {"discrete_resource_spec": {"kind": resource.get("Kind", ""), "value": resource.get("Value", 0)}}
            for resource in counted
        ]
    if named:
        # Compose counts resources and cannot name them, so these stay among what is left.
        remains.tree["TaskTemplate"]["Resources"]["Reservations"]["GenericResources"] = named
    return said(found)


def _update(remains: Remains, member: str) -> JSON:
    if not remains.tree.get(member):
        return {}
    parallelism = remains.take(f"{member}/Parallelism", 0)
    return {
        **({"parallelism": parallelism} if parallelism != 1 else {}),
        **said(
            {
                "delay": _optional_duration(remains.take(f"{member}/Delay")),
                "failure_action": remains.take(f"{member}/FailureAction"),
                "monitor": _optional_duration(remains.take(f"{member}/Monitor")),
                "max_failure_ratio": remains.take(f"{member}/MaxFailureRatio"),
                "order": remains.take(f"{member}/Order"),
            }
        ),
    }


def _optional_duration(nanoseconds: int | None) -> str | None:
    return None if nanoseconds is None else duration(nanoseconds)
