"""A service of the file as the body of ``POST /services/create``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crane_core.orchestration.stacks.desired import IMAGE_LABEL, STACK_LABEL
from crane_core.orchestration.stacks.formats.compose import images, ports
from crane_core.orchestration.stacks.formats.compose.networks import Networks
from crane_core.orchestration.stacks.formats.compose.objects import Objects
from crane_core.orchestration.stacks.formats.compose.tree import Map, Problems, Seq, pointer
from crane_core.orchestration.stacks.formats.compose.volumes import Mounts

# Fields of a container that are taken over as they are, when they say anything.
_CONTAINER = (
    ("Command", "entrypoint"),
    ("Args", "command"),
    ("Hostname", "hostname"),
    ("Dir", "working_dir"),
    ("User", "user"),
    ("StopSignal", "stop_signal"),
    ("TTY", "tty"),
    ("OpenStdin", "stdin_open"),
    ("ReadOnly", "read_only"),
    ("Hosts", "extra_hosts"),
    ("Isolation", "isolation"),
    ("Sysctls", "sysctls"),
    ("OomScoreAdj", "oom_score_adj"),
)
_HEALTHCHECK = (
    ("Test", "test"),
    ("Interval", "interval"),
    ("Timeout", "timeout"),
    ("StartPeriod", "start_period"),
    ("StartInterval", "start_interval"),
)
_UPDATE = (("Delay", "delay"), ("FailureAction", "failure_action"), ("Monitor", "monitor"), ("Order", "order"))
_RESTART = (("Condition", "condition"), ("Delay", "delay"), ("MaxAttempts", "max_attempts"), ("Window", "window"))
_LIMITS = (("NanoCPUs", "cpus"), ("MemoryBytes", "memory"), ("Pids", "pids"))
_CONDITIONS = {"always": "any", "unless-stopped": "any", "on-failure": "on-failure"}
_ALL_CAPABILITIES, _RESET_CAPABILITIES = "ALL", "RESET"


class Services:
    """Turns services into specs; what it needs to know of the rest of the stack stands in its arguments."""

    def __init__(
        self, stack: str, networks: Networks, mounts: Mounts, configs: Objects, secrets: Objects, problems: Problems
    ) -> None:
        self._stack = stack
        self._networks = networks
        self._mounts = mounts
        self._configs = configs
        self._secrets = secrets
        self._problems = problems
        self._published = ports.Published(problems)
        self.used_configs: set[str] = set()
        self.used_secrets: set[str] = set()

    def spec(self, key: str, service: Map) -> dict[str, Any]:
        """Return the spec of a service."""
        path = pointer("services", key)
        deploy = service.get("deploy") or Map()
        placed = _placement(deploy.get("placement") or Map(), service)
        published: Seq = service.get("ports") or Seq()
        self._published.take(key, published, f"{path}/ports")
        task: dict[str, Any] = {
            "ContainerSpec": self._container(service, path),
            "Resources": _resources(deploy.get("resources") or Map()),
            "RestartPolicy": self._restart_policy(service, deploy, path),
            "Placement": placed,
            "Networks": self._networks.attachments(key, service.get("networks"), path, service),
            "LogDriver": _log_driver(service.get("logging") or Map()),
        }
        endpoint = {"Mode": str(deploy.get("endpoint_mode") or "").lower(), "Ports": ports.engine_ports(published)}
        spec: dict[str, Any] = {
            "Name": f"{self._stack}_{key}",
            "Labels": {**deploy.get("labels", {}), STACK_LABEL: self._stack, IMAGE_LABEL: service.get("image", "")},
            "TaskTemplate": {**_said(task), "ForceUpdate": 0},
            "Mode": self._mode(deploy, path),
            "EndpointSpec": _said(endpoint),
        }
        for field, name in (("UpdateConfig", "update_config"), ("RollbackConfig", "rollback_config")):
            if isinstance(deploy.get(name), Map):
                spec[field] = _update_config(deploy[name])
        return spec

    def _container(self, service: Map, path: str) -> dict[str, Any]:
        configs, used_configs = self._configs.references(service, path)
        secrets, used_secrets = self._secrets.references(service, path)
        credential = self._credential_spec(service, path, configs, used_configs)
        self.used_configs |= used_configs
        self.used_secrets |= used_secrets
        added, dropped = _capabilities(service.get("cap_add", ()), service.get("cap_drop", ()))
        dns = {"Nameservers": list(service.get("dns", ())), "Search": list(service.get("dns_search", ()))}
        container: dict[str, Any] = {
            "Image": self._image(service, path),
            "Labels": {**service.get("labels", {}), STACK_LABEL: self._stack},
            "Env": _environment(service.get("environment") or {}),
            "Groups": [str(group) for group in service.get("group_add", ())],
            "Mounts": self._mounts.engine_mounts(service["volumes"], f"{path}/volumes")
            if service.get("volumes")
            else [],
            "Healthcheck": self._healthcheck(service, path),
            "DNSConfig": _said(dns),
            "Secrets": secrets,
            "Configs": configs,
            "CapabilityAdd": added,
            "CapabilityDrop": dropped,
            "Ulimits": [
                {"Name": name, "Soft": limit["soft"], "Hard": limit["hard"]}
                for name, limit in sorted((service.get("ulimits") or {}).items())
            ],
            "Privileges": {**credential, "NoNewPrivileges": False},
            **_fields(service, _CONTAINER),
        }
        container = _said(container)
        for field, name in (("Init", "init"), ("StopGracePeriod", "stop_grace_period")):
            if name in service:
                container[field] = service[name]
        return container

    def _image(self, service: Map, path: str) -> str:
        image = service.get("image", "")
        if "build" in service and not image:
            detail = "A Swarm builds no images: build it, push it to a registry and name it with `image`."
            self._problems.error_at(service, "build", path, detail, code="nothing-is-built")
            return ""
        if "build" in service:
            detail = "`build` is ignored. A Swarm builds no images; the image must be in a registry."
            self._problems.warn_at(service, "build", path, detail, code="ignored")
        if not image:
            self._problems.error(
                f"{path}/image",
                f"The service `{path.rpartition('/')[2]}` names no image.",
                service.place,
                code="image-unnamed",
            )
            return ""
        try:
            return images.familiar(image)
        except ValueError as error:
            self._problems.error_at(service, "image", path, str(error), code="invalid-image")
            return ""

    def _mode(self, deploy: Map, path: str) -> dict[str, Any]:
        mode, replicas = deploy.get("mode") or "replicated", deploy.get("replicas")
        if replicas is not None:
            replicas = int(replicas)
        if mode in ("global", "global-job"):
            if replicas is not None:
                detail = f"A service of mode `{mode}` runs on every node; `replicas` does not go with it."
                self._problems.error_at(deploy, "replicas", f"{path}/deploy", detail, code="contradiction")
            return {"Global" if mode == "global" else "GlobalJob": {}}
        if mode == "replicated":
            return {"Replicated": {} if replicas is None else {"Replicas": replicas}}
        if mode == "replicated-job":
            counts = {} if replicas is None else {"MaxConcurrent": replicas, "TotalCompletions": replicas}
            return {"ReplicatedJob": counts}
        detail = f"There is no mode `{mode}`; there are replicated, global, replicated-job and global-job."
        self._problems.error_at(deploy, "mode", f"{path}/deploy", detail, code="wrong-value")
        return {}

    def _restart_policy(self, service: Map, deploy: Map, path: str) -> dict[str, Any]:
        if isinstance(deploy.get("restart_policy"), Map):
            policy = deploy["restart_policy"]
            kept = {"Delay", "MaxAttempts", "Window"}
            return {name: policy[key] for name, key in _RESTART if key in policy and (name in kept or policy[key])}
        name, colon, count = str(service.get("restart") or "no").partition(":")
        if name == "no" and not colon:
            return {}
        if name not in _CONDITIONS or (colon and not count.isdecimal()):
            detail = (
                f"`{service['restart']}` is no restart policy; there are no, always, unless-stopped and on-failure[:n]."
            )
            self._problems.error_at(service, "restart", path, detail, code="wrong-value")
            return {}
        attempts = {"MaxAttempts": int(count or 0)} if name == "on-failure" else {}
        return {"Condition": _CONDITIONS[name], **attempts}

    def _healthcheck(self, service: Map, path: str) -> dict[str, Any]:
        check = service.get("healthcheck") or Map()
        if check.get("disable"):
            if check.get("test"):
                detail = "A health check is either disabled or has a test, not both."
                self._problems.error_at(check, "disable", f"{path}/healthcheck", detail, code="contradiction")
            return {"Test": ["NONE"]}
        found = _fields(check, _HEALTHCHECK)
        return found | {"Retries": int(check["retries"])} if check.get("retries") else found

    def _credential_spec(
        self, service: Map, path: str, configs: list[dict[str, Any]], used: set[str]
    ) -> dict[str, Any]:
        spec = service.get("credential_spec") or Map()
        said = [key for key in ("config", "file", "registry") if spec.get(key)]
        if not said:
            return {}
        if len(said) > 1:
            several = " and ".join(f"`{key}`" for key in said)
            self._problems.error(
                f"{path}/credential_spec",
                f"A credential spec has {several}; use one of them.",
                spec.place,
                code="contradiction",
            )
            return {}
        if said == ["file"] or said == ["registry"]:
            return {"CredentialSpec": {said[0].capitalize(): spec[said[0]]}}
        key = spec["config"]
        if not self._configs.known(key):
            detail = f"The config `{key}` is not defined below `configs`."
            self._problems.error_at(spec, "config", f"{path}/credential_spec", detail, code="not-defined")
            return {}
        used.add(key)
        name = self._configs.full_name(key)
        # The Engine reads the credential spec from a config that is attached but not mounted.
        configs.append({"ConfigName": name, "Runtime": {}})
        configs.sort(key=lambda reference: str(reference["ConfigName"]))
        return {"CredentialSpec": {"Config": name}}


def _said(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}


def _fields(values: Map, table: Iterable[tuple[str, str]]) -> dict[str, Any]:
    return {name: values[key] for name, key in table if values.get(key)}


def _environment(environment: dict[str, str | None]) -> list[str]:
    return sorted(name if value is None else f"{name}={value}" for name, value in environment.items())


def _update_config(update: Map) -> dict[str, Any]:
    parallelism = update.get("parallelism")
    return {
        "Parallelism": 1 if parallelism is None else int(parallelism),
        "MaxFailureRatio": update.get("max_failure_ratio") or 0,
        **_fields(update, _UPDATE),
    }


def _resources(resources: Map) -> dict[str, Any]:
    limits, reservations = resources.get("limits") or Map(), resources.get("reservations") or Map()
    reserved = _fields(reservations, _LIMITS)
    generic = [
        {"DiscreteResourceSpec": {"Kind": spec.get("kind", ""), "Value": int(spec.get("value", 0))}}
        for resource in reservations.get("generic_resources") or ()
        if (spec := (resource or {}).get("discrete_resource_spec"))
    ]
    if generic:
        reserved["GenericResources"] = generic
    return _said({"Limits": _fields(limits, _LIMITS), "Reservations": reserved})


def _placement(placement: Map, service: Map) -> dict[str, Any]:
    preferences = [preference.get("spread", "") for preference in placement.get("preferences") or () if preference]
    found: dict[str, Any] = {
        "Constraints": list(placement.get("constraints") or ()),
        "Preferences": [{"Spread": {"SpreadDescriptor": spread}} for spread in preferences],
        "Platforms": [service["platform"]] if "platform" in service else [],
    }
    if placement.get("max_replicas_per_node"):
        found["MaxReplicas"] = int(placement["max_replicas_per_node"])
    return _said(found)


def _log_driver(logging: Map) -> dict[str, Any]:
    options = logging.get("options")
    return _said({"Name": logging.get("driver"), "Options": dict(options) if options else None})


def _capabilities(add: Iterable[str], drop: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the capabilities to add and to drop: ``ALL`` covers the others, and adding beats dropping."""
    added, dropped = _normal(add), _normal(drop)
    return sorted(added), sorted(dropped - added)


def _normal(names: Iterable[str]) -> set[str]:
    upper = {name.strip().upper() for name in names}
    if _ALL_CAPABILITIES in upper:
        return {_ALL_CAPABILITIES}
    return {
        name if name.startswith("CAP_") else f"CAP_{name}" for name in upper if name and name != _RESET_CAPABILITIES
    }
