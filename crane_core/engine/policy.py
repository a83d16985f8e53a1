"""What a final Engine spec asks for beyond a plain container, and whether that is allowed.

This is the one check that stands between a caller who may deploy and the machines: whatever the entry point and the
file format, the spec that is sent to the Engine is looked at here, after every plugin has changed it. The Engine reads
the names of members in any case (``mounts`` is ``Mounts``), and so does this module.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from crane_core.engine.images import InvalidImage, parse_image
from crane_core.errors import Violation

HOST_MOUNTS = "host-mounts"
DOCKER_SOCKET = "docker-socket"
VOLUME_DRIVERS = "volume-drivers"
NAMED_PIPES = "named-pipes"
CAPABILITIES = "capabilities"
HOST_NETWORK = "host-network"
SYSCTLS = "sysctls"
SECURITY_OPTIONS = "security-options"
CREDENTIAL_SPECS = "credential-specs"
NETWORK_DRIVERS = "network-drivers"
PRIVILEGED = "privileged"
ENGINE_PLUGINS = "engine-plugins"

# Everything that can be asked for, with a sentence for the operator who forbids it.
KINDS: Mapping[str, str] = {
    HOST_MOUNTS: "Mount directories, files or devices of the node.",
    DOCKER_SOCKET: "Reach the socket of the node's Engine, which is the same as being root on the node.",
    VOLUME_DRIVERS: "Use volumes of drivers other than the Engine's own.",
    NAMED_PIPES: "Reach named pipes of a Windows node.",
    CAPABILITIES: "Add capabilities of the kernel.",
    HOST_NETWORK: "Use the node's own network.",
    SYSCTLS: "Set parameters of the kernel.",
    SECURITY_OPTIONS: "Leave seccomp, AppArmor or SELinux aside, or replace their profiles.",
    CREDENTIAL_SPECS: "Use credentials of a Windows domain.",
    NETWORK_DRIVERS: "Make networks that reach the node's own, or replace the one that ports are published by.",
    PRIVILEGED: "Use devices or namespaces of the node, or run privileged.",
    ENGINE_PLUGINS: "Install plugins of the Engine, or run something that is no container.",
}

# File systems that bring their own content; every other kind of mount shows something of the node.
_FOREIGN_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "tmpfs"})
_BIND_FLAGS = frozenset({"bind", "rbind", "move"})
_SOCKETS = ("/run/docker.sock", "/run/containerd/containerd.sock", "/run/docker/containerd/containerd.sock")
# /proc/1/root/run is /run: these lead out of /proc to the root of the node or of a process on it.
_PROC_ROOT = re.compile(r"/proc/[^/]+/(?:root|cwd)(?=/|$)")
# The Engine fills in templates on the node that runs a task, long after this module has looked.
_TEMPLATE = "{{"
_SOCKET_URL = re.compile(r"unix(?:gram)?://(?P<path>.*)", re.DOTALL | re.IGNORECASE)
_SYSCTLS_OF_ENDPOINTS = "com.docker.network.endpoint.sysctls"
_OVERLAY = "overlay"
# Members of a container's spec that the Swarm of today ignores or refuses; a newer one may take them.
_PRIVILEGED_MEMBERS = ("Privileged", "Devices", "DeviceRequests", "PidMode", "IpcMode", "UsernsMode", "CgroupnsMode")


@dataclass(frozen=True)
class Ask:
    """Something that a spec asks for beyond a plain container.

    :param kind: One of :data:`KINDS`.
    :param pointer: Where it stands in the spec, as a JSON pointer.
    :param detail: What is asked for, in a sentence.
    :param path: The path on the node that it opens, where it opens one.
    """

    kind: str
    pointer: str
    detail: str
    path: str | None = None


def asks(spec: Mapping[str, Any], host_networks: Collection[str] = ("host",)) -> list[Ask]:
    """Return everything that a service's final spec asks for beyond a plain container.

    :param host_networks: Names and ids of networks that are the node's own.
    """
    return list(_ask(spec, host_networks))


@dataclass(frozen=True)
class Rules:
    """What some callers may not ask for.

    :param forbidden: The kinds of asks that are refused.
    :param allowed_mounts: Paths on the node that may be mounted, with all below them, though host mounts are forbidden.
    :param allowed_registries: The only registries that images may come from; any when empty.
    :param remedy: What a violation says of it, in a sentence.
    """

    forbidden: Collection[str] = ()
    allowed_mounts: Collection[str] = ()
    allowed_registries: Collection[str] = ()
    remedy: str = "This server does not allow it"


def check(spec: Mapping[str, Any], rules: Rules, host_networks: Collection[str] = ("host",)) -> list[Violation]:
    """Object to what a service's final spec asks for and may not have."""
    violations = [_refuse(ask, rules) for ask in asks(spec, host_networks) if _is_refused(ask, rules)]
    if rules.allowed_registries:
        violations += _check_registries(spec, rules)
    return violations


def check_network(body: Mapping[str, Any], rules: Rules) -> list[Violation]:
    """Object to what a network that is to be made asks for and may not have."""
    return [_refuse(ask, rules) for ask in _ask_of_network(body) if _is_refused(ask, rules)]


def check_volume(body: Mapping[str, Any], rules: Rules) -> list[Violation]:
    """Object to what a volume that is to be made asks for and may not have."""
    driver = {"Name": body.get("Driver"), "Options": body.get("DriverOpts")}
    asked = _ask_of_volume({"VolumeOptions": {"DriverConfig": driver}})
    return [_refuse(replace(ask, pointer="/DriverOpts"), rules) for ask in asked if _is_refused(ask, rules)]


def check_image(image: str, rules: Rules, pointer: str = "/image") -> list[Violation]:
    """Object to where an image that is to be pulled comes from."""
    return list(_check_registry(pointer, image, rules)) if rules.allowed_registries else []


def _is_refused(ask: Ask, rules: Rules) -> bool:
    if ask.kind not in rules.forbidden:
        return False
    path = ask.path
    return ask.kind != HOST_MOUNTS or path is None or not any(_is_below(path, one) for one in rules.allowed_mounts)


def _refuse(ask: Ask, rules: Rules) -> Violation:
    return Violation(ask.pointer, f"{ask.detail} {rules.remedy} ({ask.kind}).", code=ask.kind)


def _check_registries(spec: Mapping[str, Any], rules: Rules) -> Iterator[Violation]:
    for pointer, image in _find(spec, "TaskTemplate", "ContainerSpec", "Image"):
        yield from _check_registry(pointer, str(image), rules)


def _check_registry(pointer: str, image: str, rules: Rules) -> Iterator[Violation]:
    try:
        registry = parse_image(image).registry
    except InvalidImage as error:
        yield Violation(pointer, error.detail, code=error.code)
        return
    if registry not in rules.allowed_registries:
        names = ", ".join(sorted(rules.allowed_registries))
        detail = f"It runs an image from {registry}. {rules.remedy}; use one from {names}."
        yield Violation(pointer, detail, code="registry-not-allowed")


def _ask(spec: Mapping[str, Any], host_networks: Collection[str]) -> Iterator[Ask]:
    for pointer, runtime in _find(spec, "TaskTemplate", "Runtime"):
        if runtime and str(runtime).lower() != "container":
            yield Ask(ENGINE_PLUGINS, pointer, f"It runs as {runtime}, which is no container.")
    for pointer, plugin in _find(spec, "TaskTemplate", "PluginSpec"):
        if plugin:
            yield Ask(ENGINE_PLUGINS, pointer, "It installs a plugin of the Engine.")
    for path in (("TaskTemplate", "Networks"), ("Networks",)):
        for pointer, network in _find_items(spec, *path):
            for at, target in _find(network, "Target"):
                if str(target) in host_networks:
                    yield Ask(HOST_NETWORK, pointer + at, "It uses the node's own network.")
            for at, _ in _find(network, "DriverOpts", _SYSCTLS_OF_ENDPOINTS):
                yield Ask(SYSCTLS, pointer + at, "It sets parameters of the kernel for its end of a network.")
    for pointer, options in _find(spec, "TaskTemplate", "LogDriver", "Options"):
        for ask in _ask_of_log(options):
            yield Ask(ask.kind, pointer + ask.pointer, ask.detail, ask.path)
    for at, container in _find(spec, "TaskTemplate", "ContainerSpec"):
        for ask in _ask_of_container(container):
            yield Ask(ask.kind, at + ask.pointer, ask.detail, ask.path)


def _ask_of_container(container: Any) -> Iterator[Ask]:
    for pointer, mount in _find_items(container, "Mounts"):
        for ask in _ask_of_mount(mount):
            yield Ask(ask.kind, pointer, ask.detail, ask.path)
    for pointer, capability in _find_items(container, "CapabilityAdd"):
        yield Ask(CAPABILITIES, pointer, f"It adds the capability {capability}.")
    for pointer, sysctls in _find(container, "Sysctls"):
        if sysctls:
            yield Ask(SYSCTLS, pointer, f"It sets the kernel's parameters {', '.join(map(str, sysctls))}.")
    for member in _PRIVILEGED_MEMBERS:
        for pointer, value in _find(container, member):
            if value:
                yield Ask(PRIVILEGED, pointer, f"It asks for {member}.")
    for pointer, privileges in _find(container, "Privileges"):
        for ask in _ask_of_privileges(privileges):
            yield Ask(ask.kind, pointer + ask.pointer, ask.detail)


def _ask_of_network(body: Mapping[str, Any]) -> Iterator[Ask]:
    driver = _text(body, "Driver").lower()
    if driver not in ("", _OVERLAY):
        yield Ask(NETWORK_DRIVERS, "/Driver", f"It is a network of the driver {driver}.")
    for member, detail in (
        ("Ingress", "It takes the place of the network that ports are published by."),
        ("ConfigOnly", "It holds settings for networks of a node."),
        ("ConfigFrom", "It takes its settings from another network."),
    ):
        for pointer, value in _find(body, member):
            if value:
                yield Ask(NETWORK_DRIVERS, pointer, detail)


def _ask_of_log(options: Any) -> Iterator[Ask]:
    """Ask for the sockets of the node that the Engine itself would write a service's output to."""
    for name, value in options.items() if isinstance(options, Mapping) else ():
        if found := _SOCKET_URL.match(str(value).strip()):
            for ask in _ask_of_path(found["path"], "sends what it prints to"):
                yield Ask(ask.kind, f"/{_escape(str(name))}", ask.detail, ask.path)


def _ask_of_privileges(privileges: Any) -> Iterator[Ask]:
    for pointer, credential in _find(privileges, "CredentialSpec"):
        if credential:
            yield Ask(CREDENTIAL_SPECS, pointer, "It uses credentials of a Windows domain.")
    for member, plain in (("Seccomp", "default"), ("AppArmor", "default")):
        for pointer, mode in _find(privileges, member, "Mode"):
            if mode and str(mode).lower() != plain:
                yield Ask(SECURITY_OPTIONS, pointer, f"It sets {member} to {mode}.")
        for pointer, profile in _find(privileges, member, "Profile"):
            if profile:
                yield Ask(SECURITY_OPTIONS, pointer, f"It brings a {member} profile of its own.")
    for pointer, context in _find(privileges, "SELinuxContext"):
        if isinstance(context, Mapping) and any(context.values()):
            yield Ask(SECURITY_OPTIONS, pointer, "It changes the SELinux context.")


def _ask_of_mount(mount: Any) -> Iterator[Ask]:
    kind = _text(mount, "Type").lower()
    if kind == "npipe":
        yield Ask(NAMED_PIPES, "", f"It mounts the named pipe {_text(mount, 'Source')}.")
    elif kind == "bind":
        yield from _ask_of_path(_text(mount, "Source"), "mounts")
    elif kind not in ("tmpfs", "image"):
        # Also what Crane has never heard of is looked at as a volume, so that nothing slips by.
        yield from _ask_of_volume(mount)


def _ask_of_volume(mount: Any) -> Iterator[Ask]:
    for _, driver in _find(mount, "VolumeOptions", "DriverConfig"):
        name = _text(driver, "Name")
        if name not in ("", "local"):
            yield Ask(VOLUME_DRIVERS, "", f"It uses a volume of the driver {name}.")
            continue
        device = " ".join(str(value) for _, value in _find(driver, "Options", "device"))
        system = " ".join(str(value) for _, value in _find(driver, "Options", "type")).lower()
        if any(_TEMPLATE in str(value) for _, options in _find(driver, "Options") for value in _values(options)):
            yield from _ask_of_path(_TEMPLATE, "has a volume of")
            continue
        flags = {flag.strip() for _, value in _find(driver, "Options", "o") for flag in str(value).lower().split(",")}
        if not device and not system and not flags:
            continue
        # A bind flag makes a directory of the node out of any file system.
        if flags & _BIND_FLAGS:
            yield from _ask_of_path(device or "/", "has a volume of")
        elif system not in _FOREIGN_FILE_SYSTEMS:
            # What an overlay or a disk shows is not what its device is called, so that no path vouches for it.
            yield Ask(HOST_MOUNTS, "", f"It has a volume of the node's {device or system or 'root'}.")


def _ask_of_path(source: str, verb: str) -> Iterator[Ask]:
    if _TEMPLATE in source:
        # It may turn into any path, so that nothing that is allowed vouches for it.
        yield Ask(HOST_MOUNTS, "", f"It {verb} a path of the node that only the node knows, because of a template.")
        yield Ask(DOCKER_SOCKET, "", "What its template turns into may be the socket of the node's Engine.")
        return
    path = _normalise(source)
    yield Ask(HOST_MOUNTS, "", f"It {verb} {source} of the node.", path)
    real = _PROC_ROOT.sub("", path) or "/"
    real = "/run" + real.removeprefix("/var/run") if _is_below(real, "/var/run") else real
    # /var holds a link to /run, and leads to the socket as well as /run itself does.
    if real in ("/", "/var") or any(_is_below(socket, real) for socket in _SOCKETS):
        yield Ask(DOCKER_SOCKET, "", f"Through {source} it reaches the socket of the node's Engine.", path)


def _normalise(path: str) -> str:
    # POSIX lets a path begin with two slashes mean something else; on Linux it does not.
    return "/" + posixpath.normpath(path).lstrip("/") if path.startswith("/") else posixpath.normpath(path or "/")


def _is_below(path: str, folder: str) -> bool:
    folder = _normalise(folder)
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def find_members(node: Any, *names: str) -> Iterator[tuple[str, Any]]:
    """Yield each value at a path of member names as the Engine reads them, in any case of letters, with its pointer."""
    return _find(node, *names)


def _find(node: Any, *names: str) -> Iterator[tuple[str, Any]]:
    """Yield each value at a path of member names, in any case of letters, with its pointer."""
    if not names:
        yield "", node
        return
    if not isinstance(node, Mapping):
        return
    wanted = names[0].casefold()
    for name, value in node.items():
        if str(name).casefold() == wanted:
            for pointer, found in _find(value, *names[1:]):
                yield f"/{_escape(str(name))}{pointer}", found


def _find_items(node: Any, *names: str) -> Iterator[tuple[str, Any]]:
    """Yield each item of the lists at a path of member names, with its pointer."""
    for pointer, found in _find(node, *names):
        if isinstance(found, list | tuple):
            for index, item in enumerate(found):
                yield f"{pointer}/{index}", item


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _values(options: Any) -> Collection[Any]:
    return options.values() if isinstance(options, Mapping) else ()


def _text(node: Any, name: str) -> str:
    # Where a member is written twice, the Engine takes the last.
    values = [value for _, value in _find(node, name)]
    return "" if not values or values[-1] is None else str(values[-1])
