"""A service on its way to the Engine: images, credentials, rules. Every entry point that changes a service goes here."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Literal

from crane_core.context import Crane
from crane_core.contributions import Deployment, RegistryLogin
from crane_core.engine.images import find_registry
from crane_core.engine.policy import KINDS, check
from crane_core.errors import CraneError, Violation

ResolveImage = Literal["always", "changed", "never"]

# A registry that does not answer must not hold up a deployment; one that failed is left alone for a while.
LOOKUP_SECONDS = 2.0
REST_SECONDS = 60.0


def settle_deployment(crane: Crane, deployment: Deployment) -> list[Violation]:
    """Let plugins change a deployment, then ask the policy and the plugins whether it may be.

    :returns: Everything that is wrong with it; pointers start at the service's spec.
    """
    for _ in crane.plugins.ask_all("crane_mutate_deployment", deployment=deployment):
        pass
    settings = crane.settings
    forbidden = frozenset(settings["policy.forbid"])
    violations = list(
        check(
            deployment.spec,
            forbidden=frozenset(KINDS) if "all" in forbidden else forbidden,
            allowed_mounts=tuple(settings["policy.allowed_mounts"]),
            allowed_registries=tuple(settings["policy.allowed_registries"]),
        )
    )
    violations += [found for _, found in crane.plugins.collect("crane_validate_deployment", deployment=deployment)]
    return violations


@dataclass(frozen=True)
class Logins:
    """The credentials for the images of one deployment: those that the caller sent, else those that plugins know.

    :param sent: By the registry's address.
    """

    crane: Crane = field(repr=False)
    sent: Mapping[str, RegistryLogin] = field(default_factory=dict, repr=False)

    def find(self, image: str) -> RegistryLogin | None:
        """Find the credential for an image, None when nobody knows one."""
        registry = find_registry(image)
        if registry is not None and (login := self.sent.get(registry)):
            return login
        found = self.crane.plugins.ask_first("crane_find_registry_login", image=image)
        return found if isinstance(found, RegistryLogin) else None


class Digests:
    """Looks up which content an image's tag stands for, so that every node runs the same.

    The room of one server: it remembers which registries do not answer, and spares callers the wait for them.
    """

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._resting: dict[str, float] = {}
        self._lock = threading.Lock()

    def resolve(self, images: Iterable[str], logins: Logins) -> dict[str, str | Violation]:
        """Look up images side by side, for :data:`LOOKUP_SECONDS` at the most.

        :returns: By image: the image with its digest, or a warning that says why it is deployed by its tag. Images that
            name a digest already are left out.
        """
        wanted = {image for image in images if "@" not in image and find_registry(image) is not None}
        answers: dict[str, str | Violation] = {}
        asked = []
        for image in sorted(wanted):
            if self._rests(registry := self._registry(image)):
                answers[image] = self._unresolved(image, f"{registry} did not answer a moment ago")
            else:
                asked.append(image)
        if not asked:
            return answers
        pool = ThreadPoolExecutor(min(8, len(asked)), thread_name_prefix="crane-digests")
        futures = {pool.submit(self._look_up, image, logins): image for image in asked}
        done, late = wait(futures, LOOKUP_SECONDS)
        pool.shutdown(wait=False, cancel_futures=True)
        for future in done:
            answers[futures[future]] = future.result()
        for future in late:
            image = futures[future]
            self._rest(self._registry(image))
            answers[image] = self._unresolved(image, f"{self._registry(image)} did not answer in time")
        return answers

    def _look_up(self, image: str, logins: Logins) -> str | Violation:
        try:
            digest = self._crane.engine.distribution(image, logins.find(image), timeout=LOOKUP_SECONDS)
        except CraneError as error:
            return self._unresolved(image, error.detail.rstrip("."))
        return f"{image}@{digest}"

    @staticmethod
    def _registry(image: str) -> str:
        return find_registry(image) or ""

    @staticmethod
    def _unresolved(image: str, reason: str) -> Violation:
        return Violation(
            "", f"The digest of {image} could not be looked up, so each node pulls what the tag means to it: {reason}."
        )

    def _rests(self, registry: str) -> bool:
        with self._lock:
            return self._resting.get(registry, 0.0) > time.monotonic()

    def _rest(self, registry: str) -> None:
        with self._lock:
            self._resting[registry] = time.monotonic() + REST_SECONDS
