"""What is sent about networks, and what they look like in answers."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, EngineSchema, SourceSchema, docker, many, moment, text, truth, whole
from crane_core.http import ListQuery, some_of

LONGEST_TEXT = 4096


def _texts(description: str) -> ma.fields.Dict:
    return ma.fields.Dict(
        ma.fields.String(validate=ma.validate.Length(1, LONGEST_TEXT)),
        ma.fields.String(validate=ma.validate.Length(max=LONGEST_TEXT)),
        load_default=dict,
        metadata={"description": description},
    )


def _flag(description: str) -> ma.fields.Boolean:
    return ma.fields.Boolean(load_default=False, metadata={"description": description})


class NetworkQuery(ListQuery):
    """What networks can be filtered by."""

    scope = some_of(("swarm", "local", "global"), "How far they reach")
    driver = ma.fields.String(metadata={"description": "Their driver."})
    stack = ma.fields.String(metadata={"description": "Their stack."})
    node = ma.fields.String(metadata={"description": "The host name of the node that they are on."})


class RangeSchema(ma.Schema):
    """A range of addresses."""

    subnet = ma.fields.String(required=True, metadata={"description": "As in 10.1.0.0/16."})
    ip_range = ma.fields.String(metadata={"description": "The part of it that addresses are taken from."})
    gateway = ma.fields.String(metadata={"description": "The address of the way out."})
    reserved = _texts("Addresses that are not given away, by what they are for.")


class AddressingSchema(ma.Schema):
    """How a network hands out addresses."""

    driver = ma.fields.String(load_default="default", metadata={"description": "The driver that does it."})
    options = _texts("Its options.")
    config = ma.fields.List(ma.fields.Nested(RangeSchema), load_default=list, validate=ma.validate.Length(max=16))


class NetworkWishSchema(ma.Schema):
    """A network to be made."""

    name = ma.fields.String(required=True, validate=ma.validate.Length(1, 255))
    driver = ma.fields.String(
        load_default="overlay",
        validate=ma.validate.Length(1, 255),
        metadata={"description": "overlay for the whole Swarm; any other for one node."},
    )
    node = ma.fields.String(metadata={"description": "The node that it is made on; not for the driver overlay."})
    attachable = _flag("Whether containers that are of no service can be connected too.")
    internal = _flag("Whether it leads nowhere but to itself.")
    ipv6 = _flag("Whether it has IPv6 addresses as well.")
    encrypted = _flag("Whether what goes between nodes is encrypted; for the driver overlay.")
    ingress = _flag("Refused: such a network is exchanged on a manager by hand.")
    options = _texts("Options of the driver.")
    labels = _texts("Its labels.")
    ipam = ma.fields.Nested(AddressingSchema, metadata={"description": "How it hands out addresses."})


class ConnectionSchema(ma.Schema):
    """A container to be connected."""

    container = ma.fields.String(required=True, metadata={"description": "Its id or name; or node/name."})
    aliases = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(1, 255)),
        load_default=list,
        validate=ma.validate.Length(max=32),
        metadata={"description": "Names that it answers to in the network."},
    )
    ipv4_address = ma.fields.IPv4(metadata={"description": "The address that it gets."})
    ipv6_address = ma.fields.IPv6(metadata={"description": "The IPv6 address that it gets."})


class DisconnectionSchema(ma.Schema):
    """A container to be taken off."""

    container = ma.fields.String(required=True, metadata={"description": "Its id or name; or node/name."})
    force = _flag("Whether to take it off although its Engine does not know of it any more.")


class NetworkSchema(EngineSchema):
    """A network of the Swarm, or of a node."""

    Id = text("Its id.")
    Name = text("Its name.")
    Created = moment("When it was made.", optional=True)
    Scope = text("swarm or local.")
    Driver = text("Its driver.", optional=True)
    EnableIPv6 = truth("Whether it has IPv6 addresses.", optional=True)
    IPAM = docker("How it hands out addresses.", null=True, optional=True)
    Internal = truth("Whether it leads nowhere but to itself.", optional=True)
    Attachable = truth("Whether containers of no service can be connected.", optional=True)
    Ingress = truth("Whether ports are published by it.", optional=True)
    Options = docker("Options of the driver; those that look secret are hidden.", null=True, optional=True)
    Labels = docker("Its labels; those that look secret are hidden.", null=True, optional=True)
    id = text("Its id.")
    name = text("Its name.")
    stack = text("Its stack; null outside a stack.", null=True)
    node = text("The host name of the node that it is on; null for a network of the Swarm.", null=True)
    node_id = text("The id of that node.", null=True)
    encrypted = truth("Whether what goes between nodes is encrypted.")
    predefined = truth("Whether the Engine or the Swarm made it by itself.")
    subnets = many(ma.fields.String(), "Its ranges of addresses.")
    services = whole("How many services are on it.")


class NetworkDetailSchema(NetworkSchema):
    """A network, and how fresh that is."""

    sources = many(SourceSchema, "Where this comes from.")


class MemberTaskSchema(AnswerSchema):
    """A task on a network."""

    id = text("Its id.")
    name = text("Its service and its slot.")
    node = text("The host name of its node; null while it has none.", null=True)
    state = text("Its state.")
    addresses = many(ma.fields.String(), "Its addresses in the network.")


class MemberSchema(AnswerSchema):
    """A service on a network."""

    id = text("The service's id.")
    name = text("The service's name.")
    stack = text("The service's stack; null outside a stack.", null=True)
    addresses = many(ma.fields.String(), "Its virtual addresses in the network.")
    aliases = many(ma.fields.String(), "The names besides its own that it answers to there.")
    tasks = many(MemberTaskSchema, "Its tasks that are meant to run.")


class ConnectedSchema(AnswerSchema):
    """A container on a network."""

    id = text("The container's id.")
    name = text("The container's name.")
    node = text("The host name of its node.")
    service = text("The service that it is of; null where it is of none.", null=True)
    state = text("Its state.")
    addresses = many(ma.fields.String(), "Its addresses in the network.")


class GraphServiceSchema(AnswerSchema):
    """A service of the graph."""

    id = text("Its id.")
    name = text("Its name.")
    stack = text("Its stack; null outside a stack.", null=True)
    mode = text("replicated, global, replicated-job or global-job.")
    tasks_running = whole("How many tasks run.")
    tasks_desired = whole("How many tasks should run.")
    ports = many(ma.fields.String(), "The ports that it publishes, as in 8080:80/tcp.")


class GraphNetworkSchema(AnswerSchema):
    """A network of the graph."""

    id = text("Its id.")
    name = text("Its name.")
    stack = text("Its stack; null outside a stack.", null=True)
    driver = text("Its driver.")
    internal = truth("Whether it leads nowhere but to itself.")
    attachable = truth("Whether containers of no service can be connected.")
    encrypted = truth("Whether what goes between nodes is encrypted.")
    ingress = truth("Whether ports are published by it.")
    subnets = many(ma.fields.String(), "Its ranges of addresses.")


class GraphEdgeSchema(AnswerSchema):
    """A service on a network."""

    service = text("The service's id.")
    network = text("The network's id.")
    addresses = many(ma.fields.String(), "The service's virtual addresses there.")
    aliases = many(ma.fields.String(), "The names besides its own that it answers to there.")


class GraphSchema(AnswerSchema):
    """The services, the networks of the Swarm, and which are on which; as far as the caller may see them."""

    services = many(GraphServiceSchema, "The services.")
    networks = many(GraphNetworkSchema, "The networks.")
    edges = many(GraphEdgeSchema, "Which service is on which network.")
    sources = many(SourceSchema, "Where this comes from.")
