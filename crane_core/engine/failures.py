"""What goes wrong between here and an Engine, in words."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Iterator

import requests
import urllib3.exceptions
import urllib3.util.ssl_match_hostname

from crane_core.engine.errors import say_why_no_tls

# What may be raised while an Engine is asked, and while its answer is read.
FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)

_TIMED_OUT = (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError)


def say_why(error: Exception, timeout: float | None) -> str:
    """Say what became of a request, as the rest of a sentence."""
    if any(isinstance(cause, _TIMED_OUT) for cause in _causes(error)):
        return f"did not answer within {timeout:g} s"
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError | ssl.CertificateError | urllib3.util.ssl_match_hostname.CertificateError):
            return say_why_no_tls(cause)
        if isinstance(cause, OSError) and cause.strerror:
            return f"cannot be reached: {cause.strerror}"
    return "does not answer"


def was_sent(error: Exception) -> bool:
    """Tell whether the Engine may have been told all of a request that failed."""
    # A request breaks off in the middle where sending it takes too long, and the Engine does nothing then.
    lost = (ConnectionResetError, BrokenPipeError, urllib3.exceptions.IncompleteRead)
    return any(
        isinstance(cause, (*_TIMED_OUT, *lost)) or (isinstance(cause, OSError) and cause.errno == errno.ETIMEDOUT)
        for cause in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it wraps, however it does so."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        waiting += [cause for cause in inner if isinstance(cause, BaseException)]
