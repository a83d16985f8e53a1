from __future__ import annotations

import pytest

from crane_core.engine import policy
from crane_core.engine.policy import KINDS, Rules, asks, check, check_network

EVERYTHING = frozenset(KINDS)
AT_CONTAINER = "/TaskTemplate/ContainerSpec"


def _container(**members):
    return {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "nginx", **members}}}


def _mount(**members):
    return _container(Mounts=[{"Target": "/x", **members}])


def _volume(**options):
    return _mount(Type="volume", Source="v", VolumeOptions={"DriverConfig": {"Name": "local", "Options": options}})


SOCKET = {policy.HOST_MOUNTS, policy.DOCKER_SOCKET}
HOST = {policy.HOST_MOUNTS}

ESCAPES = [
    # A directory of the node, however it is written.
    (_mount(Type="bind", Source="/etc"), HOST),
    (_mount(Type="BIND", Source="/etc"), HOST),
    (_mount(type="bind", source="/etc"), HOST),
    (_mount(Type="bind", Source="C:\\data"), HOST),
    (_mount(Type="bind", Source=""), SOCKET),
    # The same by way of a volume of the Engine's own driver.
    (_volume(type="none", o="bind", device="/etc"), HOST),
    (_volume(type="none", o="rw,rbind", device="/etc"), HOST),
    (_volume(type="nfs", o="addr=10.0.0.1, bind", device="/etc"), HOST),
    (_volume(type="", o="BIND", device="/etc"), HOST),
    (_volume(o="bind", device="/var/run"), SOCKET),
    (_volume(type="ext4", device="/dev/sda1"), HOST),
    (_volume(type="overlay", o="lowerdir=/etc", device="overlay"), HOST),
    (_volume(device="/etc"), HOST),
    (_mount(Type="volume", VolumeOptions={"DriverConfig": {"Options": {"o": "bind", "device": "/etc"}}}), HOST),
    (_mount(Type="volume", VolumeOptions={"driverconfig": {"options": {"O": "bind", "Device": "/etc"}}}), HOST),
    (_mount(Type="volume", VolumeOptions={"DriverConfig": {"Name": "vieux/sshfs"}}), {policy.VOLUME_DRIVERS}),
    # The Engine's socket, and what contains or leads to it.
    (_mount(Type="bind", Source="/var/run/docker.sock"), SOCKET),
    (_mount(Type="bind", Source="/run/docker.sock"), SOCKET),
    (_mount(Type="bind", Source="/run/containerd/containerd.sock"), SOCKET),
    (_mount(Type="bind", Source="/run/containerd"), SOCKET),
    (_mount(Type="bind", Source="/var/run"), SOCKET),
    (_mount(Type="bind", Source="/run/"), SOCKET),
    (_mount(Type="bind", Source="/var"), SOCKET),
    (_mount(Type="bind", Source="/"), SOCKET),
    (_mount(Type="bind", Source="//"), SOCKET),
    (_mount(Type="bind", Source="//run//docker.sock"), SOCKET),
    (_mount(Type="bind", Source="/srv/../var/./run/docker.sock"), SOCKET),
    (_mount(Type="bind", Source="/proc/1/root"), SOCKET),
    (_mount(Type="bind", Source="/proc/1/root/run/docker.sock"), SOCKET),
    (_mount(Type="bind", Source="/proc/self/cwd/var/run"), SOCKET),
    (_mount(Type="npipe", Source="\\\\.\\pipe\\docker_engine"), {policy.NAMED_PIPES}),
    # Templates, which the Engine fills in on the node.
    (_mount(Type="bind", Source='/srv/data/{{ "../../etc" }}'), SOCKET),
    (_volume(type="nfs", o='{{ "bind" }}', device="/etc"), SOCKET),
    (_volume(type="none", o="bind", device="/srv/{{.Task.Slot}}"), SOCKET),
    # What a service prints, written to a socket by the Engine itself.
    ({"TaskTemplate": {"LogDriver": {"Name": "syslog", "Options": {"syslog-address": "unix:///dev/log"}}}}, HOST),
    ({"TaskTemplate": {"LogDriver": {"Options": {"fluentd-address": "UNIX:///run/docker.sock"}}}}, SOCKET),
    # Rights in the kernel.
    (_container(CapabilityAdd=["CAP_SYS_ADMIN"]), {policy.CAPABILITIES}),
    (_container(capabilityadd=["ALL"]), {policy.CAPABILITIES}),
    (_container(Sysctls={"net.core.somaxconn": "1024"}), {policy.SYSCTLS}),
    (_container(Privileges={"Seccomp": {"Mode": "unconfined"}}), {policy.SECURITY_OPTIONS}),
    (_container(Privileges={"Seccomp": {"Mode": "custom", "Profile": "e30="}}), {policy.SECURITY_OPTIONS}),
    (_container(Privileges={"AppArmor": {"Mode": "disabled"}}), {policy.SECURITY_OPTIONS}),
    (_container(Privileges={"SELinuxContext": {"Disable": True}}), {policy.SECURITY_OPTIONS}),
    (_container(Privileges={"SELinuxContext": {"Type": "spc_t"}}), {policy.SECURITY_OPTIONS}),
    (_container(Privileges={"CredentialSpec": {"File": "spec.json"}}), {policy.CREDENTIAL_SPECS}),
    (_container(Privileged=True), {policy.PRIVILEGED}),
    (_container(Devices=[{"PathOnHost": "/dev/kmsg"}]), {policy.PRIVILEGED}),
    (_container(PidMode="host"), {policy.PRIVILEGED}),
    # The node's network.
    ({"TaskTemplate": {"Networks": [{"Target": "host"}]}}, {policy.HOST_NETWORK}),
    ({"TaskTemplate": {"Networks": [{"Target": "hostid"}]}}, {policy.HOST_NETWORK}),
    ({"Networks": [{"Target": "host"}]}, {policy.HOST_NETWORK}),
    ({"tasktemplate": {"networks": [{"target": "host"}]}}, {policy.HOST_NETWORK}),
    (
        {"TaskTemplate": {"Networks": [{"Target": "a", "DriverOpts": {"com.docker.network.endpoint.sysctls": "x=1"}}]}},
        {policy.SYSCTLS},
    ),
    # What is no container at all.
    ({"TaskTemplate": {"Runtime": "plugin"}}, {policy.ENGINE_PLUGINS}),
    ({"TaskTemplate": {"PluginSpec": {"Remote": "evil/plugin"}}}, {policy.ENGINE_PLUGINS}),
    # A member that is written twice in different cases: whichever the Engine takes is seen.
    (_container(Mounts=[], mounts=[{"Type": "bind", "Source": "/etc"}]), HOST),
    # Letters that Go folds although they are none of ours: the Kelvin sign, and the long s.
    ({"Tas\u212aTemplate": {"ContainerSpec": {"\u017fysctls": {"kernel.x": "1"}}}}, {policy.SYSCTLS}),
]  # fmt: skip

HARMLESS = [
    _mount(Type="volume", Source="data-{{.Task.Slot}}"),
    {"TaskTemplate": {"LogDriver": {"Name": "syslog", "Options": {"syslog-address": "tcp://10.0.0.1:514"}}}},
    _container(),
    _container(Mounts=None, CapabilityAdd=None, Sysctls=None, Privileges=None),
    _mount(Type="volume", Source="data"),
    _mount(Type="volume", Source="data", VolumeOptions={"Labels": {"a": "b"}, "DriverConfig": {"Name": "local"}}),
    _mount(Type="tmpfs"),
    _mount(Type="cluster", Source="disk"),
    _volume(type="nfs", o="addr=10.0.0.1,rw", device=":/export"),
    _volume(type="tmpfs", device="tmpfs", o="size=10m"),
    _container(Privileges={"CredentialSpec": None, "SELinuxContext": None}),
    _container(Privileges={"Seccomp": {"Mode": "default"}, "NoNewPrivileges": True}),
    _container(CapabilityDrop=["ALL"]),
    {"TaskTemplate": {"Runtime": "container", "Networks": [{"Target": "front"}]}},
    {},
    {"TaskTemplate": None},
]


@pytest.mark.parametrize(("spec", "kinds"), ESCAPES)
def test_each_way_out_of_a_container_is_seen(spec, kinds):
    assert {ask.kind for ask in asks(spec, host_networks=("host", "hostid"))} == kinds


@pytest.mark.parametrize(("spec", "kinds"), ESCAPES)
def test_each_way_out_of_a_container_is_refused_where_it_is_forbidden(spec, kinds):
    assert check(spec, Rules(EVERYTHING), host_networks=("host", "hostid"))
    assert not check(spec, Rules(EVERYTHING - kinds), host_networks=("host", "hostid"))


@pytest.mark.parametrize("spec", HARMLESS)
def test_a_plain_container_asks_for_nothing(spec):
    assert asks(spec) == []


def test_an_ask_says_where_it_stands():
    spec = _container(Mounts=[{"Type": "tmpfs"}, {"Type": "bind", "Source": "/etc"}], CapabilityAdd=["A", "B"])

    assert [ask.pointer for ask in asks(spec)] == [
        f"{AT_CONTAINER}/Mounts/1",
        f"{AT_CONTAINER}/CapabilityAdd/0",
        f"{AT_CONTAINER}/CapabilityAdd/1",
    ]


@pytest.mark.parametrize("source", ["/srv/data", "/srv/data/shop", "/srv/data/", "/srv/other/../data/x"])
def test_a_path_that_is_allowed_may_be_mounted(source):
    assert check(_mount(Type="bind", Source=source), Rules(EVERYTHING, allowed_mounts=["/srv/data"])) == []


@pytest.mark.parametrize("source", ["/srv/database", "/srv", "/srv/data/../secret", "/"])
def test_a_path_beside_what_is_allowed_may_not(source):
    assert check(_mount(Type="bind", Source=source), Rules(EVERYTHING, allowed_mounts=["/srv/data"]))


def test_an_allowed_path_does_not_open_the_socket():
    (violation,) = check(_mount(Type="bind", Source="/run"), Rules(EVERYTHING, allowed_mounts=["/run"]))

    assert "socket" in violation.detail


def test_the_device_of_a_file_system_is_no_path_that_could_be_allowed():
    spec = _volume(type="overlay", o="lowerdir=/etc", device="/srv/data")

    assert check(spec, Rules(EVERYTHING, allowed_mounts=["/srv/data"]))


@pytest.mark.parametrize(("image", "refused"), [
    ("ghcr.io/a/b:1", False),
    ("nginx", True),
    ("ghcr.io.evil.test/a", True),
    ("evil.test/ghcr.io/a", True),
    ("not an image", True),
])  # fmt: skip
def test_only_images_of_allowed_registries_are_taken(image, refused):
    violations = check(_container(Image=image), Rules(allowed_registries=["ghcr.io"]))

    assert bool(violations) == refused
    assert all(violation.path == f"{AT_CONTAINER}/Image" for violation in violations)


def test_any_registry_will_do_where_none_is_named():
    assert check(_container(Image="nginx"), Rules(EVERYTHING)) == []


def test_every_kind_of_ask_is_explained_and_seen_by_some_test():
    assert {kind for _, kinds in ESCAPES for kind in kinds} | {policy.NETWORK_DRIVERS} == set(KINDS)


@pytest.mark.parametrize("body", [
    {"Driver": "macvlan", "Options": {"parent": "eth0"}},
    {"driver": "HOST"},
    {"Driver": "overlay", "Ingress": True},
    {"ConfigOnly": True},
    {"ConfigFrom": {"Network": "of-the-node"}},
])  # fmt: skip
def test_a_network_that_reaches_the_nodes_own_is_refused(body):
    assert {found.code for found in check_network(body, Rules(EVERYTHING))} == {policy.NETWORK_DRIVERS}
    assert check_network(body, Rules(EVERYTHING - {policy.NETWORK_DRIVERS})) == []


@pytest.mark.parametrize("body", [{}, {"Driver": "overlay", "Ingress": False, "Options": {"encrypted": ""}}])
def test_a_network_between_services_may_be_made(body):
    assert check_network(body, Rules(EVERYTHING)) == []


def test_a_template_is_vouched_for_by_no_path_that_is_allowed():
    spec = _mount(Type="bind", Source="/srv/data/{{.Node.Hostname}}")

    assert check(spec, Rules(EVERYTHING, allowed_mounts=["/srv/data"]))
