"""A service on its way to the Engine: images, credentials, rules. Every entry point that changes one goes here."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Literal

from crane_core.context import Crane
from crane_core.contributions import Deployment, RegistryLogin
from crane_core.engine.images import InvalidImage, find_registry, parse_image
from crane_core.engine.policy import check
from crane_core.errors import CraneError, EngineUnavailable, Violation
from crane_core.rules import EXCEED, broken
from crane_core.security import Target, decide

ResolveImage = Literal["always", "changed", "never"]

# A registry that does not answer must not hold up a deployment; one that failed is left alone for a while.
LOOKUP_SECONDS = 2.0
MOST_LOOKUPS = 16
REST_SECONDS = 60.0


def mutate_deployment(crane: Crane, deployment: Deployment) -> None:
    """Let plugins change a deployment."""
    for _ in crane.plugins.ask_all("crane_mutate_deployment", deployment=deployment):
        pass


def judge_deployment(
    crane: Crane, deployment: Deployment, host_networks: Collection[str] = ("host",)
) -> list[Violation]:
    """Ask the policy and the plugins whether a deployment may be, exactly as it is.

    :param host_networks: Names and ids of networks that are a node's own.
    :returns: Everything that is wrong with it; pointers start at the service's spec.
    """
    violations = [found for _, found in crane.plugins.collect("crane_validate_deployment", deployment=deployment)]
    return [
        *broken(
            crane,
            deployment.identity,
            lambda: exceeding_target(deployment),
            lambda rules: check(deployment.spec, rules, host_networks),
        ),
        *violations,
    ]


def exceeding_target(deployment: Deployment) -> Target:
    """Return what whoever deploys must hold ``policy:exceed`` on, to be exempt from what binds the others.

    Its labels are those of the service that runs: those that are about to be given to it are the sender's own.
    """
    labels = (deployment.previous or {}).get("Labels") or {}
    return Target("service", deployment.name, stack=deployment.stack, labels=labels)


def may_exceed(crane: Crane, deployment: Deployment) -> bool:
    """Tell whether whoever deploys may ask for what the policy forbids to the others."""
    return decide(crane, deployment.identity, EXCEED, exceeding_target(deployment)).allows


@dataclass(frozen=True)
class Logins:
    """The credentials for the images of one deployment: those that the caller sent, else those that plugins know.

    :param sent: By the registry's address.
    """

    crane: Crane = field(repr=False)
    sent: Mapping[str, RegistryLogin] = field(default_factory=dict, repr=False)
    _found: dict[str, RegistryLogin | None] = field(default_factory=dict, repr=False)

    def find(self, image: str) -> RegistryLogin | None:
        """Find the credential for an image, None when nobody knows one; each is asked for once."""
        # With its digest it is the same image still.
        plain = image.partition("@")[0]
        if plain not in self._found:
            self._found[plain] = self._ask(plain)
        return self._found[plain]

    def _ask(self, image: str) -> RegistryLogin | None:
        registry = find_registry(image)
        if registry is not None and (login := self.sent.get(registry)):
            return login
        found = self.crane.plugins.ask_first("crane_find_registry_login", image=image)
        return found if isinstance(found, RegistryLogin) else None


@dataclass(frozen=True)
class Unresolved:
    """Why nobody knows which content an image's tag stands for."""

    reason: str


class Digests:
    """Looks up which content an image's tag stands for, so that every node runs the same.

    The room of one server: it remembers which registries do not answer, and spares callers the wait for them.
    """

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._clock = crane.cache.clock
        self.patience = LOOKUP_SECONDS
        self._resting: dict[str, float] = {}
        self._lock = threading.Lock()

    def resolve(self, images: Iterable[str], logins: Logins) -> dict[str, str | Unresolved]:
        """Look up images side by side, for :data:`LOOKUP_SECONDS` at the most.

        :returns: By image: the image with its digest, or why it is deployed by its tag. Images that name a digest
            already are left out.
        """
        wanted = {image: registry for image in images if "@" not in image and (registry := find_registry(image))}
        answers: dict[str, str | Unresolved] = {}
        asked = []
        for image, registry in sorted(wanted.items()):
            if self._rests(registry):
                answers[image] = Unresolved(f"{registry} did not answer a moment ago")
            else:
                # Plugins are asked here, because the threads below belong to no request.
                asked.append((image, logins.find(image)))
        if not asked:
            return answers
        pool = ThreadPoolExecutor(min(MOST_LOOKUPS, len(asked)), thread_name_prefix="crane-digests")
        futures = {pool.submit(self._look_up, image, login): image for image, login in asked}
        done, late = wait(futures, self.patience)
        pool.shutdown(wait=False, cancel_futures=True)
        for future in done:
            answers[futures[future]] = future.result()
        for future in late:
            registry = wanted[futures[future]]
            self._rest(registry)
            answers[futures[future]] = Unresolved(f"{registry} did not answer in time")
        return answers

    def _look_up(self, image: str, login: RegistryLogin | None) -> str | Unresolved:
        try:
            return pin(image, self._crane.engine.distribution(image, login, timeout=self.patience))
        except EngineUnavailable:
            registry = find_registry(image) or ""
            self._rest(registry)
            return Unresolved(f"{registry} did not answer in time")
        except CraneError as error:
            return Unresolved(_shorten(error.detail))

    def _rests(self, registry: str) -> bool:
        with self._lock:
            return self._resting.get(registry, float("-inf")) > self._clock()

    def _rest(self, registry: str) -> None:
        with self._lock:
            self._resting[registry] = self._clock() + REST_SECONDS


def pin(image: str, digest: str) -> str:
    """Return an image with its digest, written as the docker CLI writes it, so that both mean the same by it.

    >>> pin("nginx", "sha256:ab")
    'nginx:latest@sha256:ab'
    """
    return f"{_tagged(image)}@{digest}"


def same_image(one: str, other: str) -> bool:
    """Tell whether two images are the same by name and tag, whatever their digests.

    >>> same_image("docker.io/library/nginx", "nginx:latest@sha256:" + 64 * "0")
    True
    """
    return _tagged(one) == _tagged(other)


def _tagged(image: str) -> str:
    try:
        parsed = parse_image(image)
    except InvalidImage:
        return image
    return f"{parsed.name}:{parsed.tag or 'latest'}"


def _shorten(reason: str) -> str:
    """Return the last part of what a registry's refusal was wrapped in: the first ones only say who asked whom."""
    return reason.strip().rstrip(".").rpartition(": ")[2]
