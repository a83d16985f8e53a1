"""House: who may do what in a house of few people. An example of the hooks; the reference quotes it."""

import hmac
import logging

from crane_core.context import get_crane
from crane_core.contributions import RegistryLogin, Setting
from crane_core.errors import Unauthenticated
from crane_core.hookspecs import hookimpl
from crane_core.security import Identity, Vote

log = logging.getLogger(__name__)


@hookimpl
def crane_settings():
    yield Setting("house.token", str, "", "What everybody of the house sends as a token.", secret=True)
    yield Setting("house.open_stacks", list, [], "Stacks that everybody may look at.")
    yield Setting("house.password", str, "", "The password for the registry of the house.", secret=True)


@hookimpl
def crane_authenticate(request):
    token = get_crane().settings["house.token"]
    sent = request.authorization
    if sent is None or sent.type != "bearer" or not token:
        return None
    if not hmac.compare_digest((sent.token or "").encode(), token.encode()):
        raise Unauthenticated("The token is wrong.")
    return Identity("resident")


@hookimpl
def crane_authorize(identity, action, target):
    if target.labels.get("house.locked") == "true" and not action.endswith(":read"):
        return Vote.deny("its label house.locked says so")
    if identity.name == "resident":
        return Vote.allow("everybody of the house may")
    return None


@hookimpl
def crane_prepare_vote(identity, action):
    open_stacks = get_crane().settings["house.open_stacks"]
    if not open_stacks or not action.endswith(":read"):
        return None
    return lambda target: Vote.allow("its stack is open to all") if target.stack in open_stacks else None


@hookimpl
def crane_find_registry_login(image):
    password = get_crane().settings["house.password"]
    if image.startswith("registry.house.example/") and password:
        return RegistryLogin("registry.house.example", "house", password)
    return None


@hookimpl
def crane_mutate_deployment(deployment):
    # Whoever names no log driver gets one whose files do not grow for ever.
    deployment.spec["TaskTemplate"].setdefault("LogDriver", {"Name": "local"})


@hookimpl
def crane_operation(operation, plan):
    log.warning("%s begins %s of %s: %d changes.", operation.by, plan.kind, plan.target, len(plan.effective))


@hookimpl
def crane_request(answered):
    if answered.status in (401, 403):
        log.warning("%s from %s was refused: %s", answered.method, answered.address, answered.route)
