"""When a call is sent again: one pure decision, and the settings it goes by.

What is known of the attempt that failed decides, not which error it was:

| what is known                       | reads, and what is idempotent | creates, all with effects |
| ----------------------------------- | ----------------------------- | ------------------------- |
| not sent                            | again                         | again                     |
| 429, and 503 with Retry-After       | again                         | again                     |
| unknown: no answer, or another 5xx  | again                         | never                     |
| 423 Locked                          | if asked to wait for it       | never: it may yet happen  |
| processed, with an unreadable answer | again, for reads             | never                     |
| refused (other 4xx), or a fault on this side that stays | never     | never                     |

What an endpoint calls harmless is a read, though it is a POST: the calculation of a price.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from http import HTTPStatus

import attrs

from ..errors import APIError, Outcome, VPSBGError
from ..settings import check_flag, check_seconds, whole_number
from .clock import in_words
from .endpoint import READS, Effect

__all__ = ["Decision", "Failure", "RetryPolicy", "decide"]

_IDEMPOTENT = READS | {"DELETE", "PUT"}


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often, and after how long, a call is sent again where that is safe.

    The wait before an attempt is a random part of a span that doubles each time (full jitter), or
    what the server asks for in ``Retry-After`` if that is longer.

    Attributes:
        max_attempts: How many attempts one call may have, the first included.
        budget: How many seconds after the first failure an attempt may still begin; None for ever.
        first_delay: The longest wait before the second attempt, in seconds.
        max_delay: The longest wait before any attempt that the server did not ask for, in seconds.
        max_retry_after: The longest ``Retry-After`` that is waited for, in seconds; past it the
            error is raised.
        wait_if_locked: Whether to send what is idempotent again after a 423 Locked. (Other calls
            that were answered so may still happen: read the state of the resource first.)

    Raises:
        ConfigurationError: A setting cannot work.
    """

    max_attempts: int = attrs.field(default=5, validator=whole_number(least=1))
    budget: float | None = attrs.field(default=300.0, validator=check_seconds)
    first_delay: float = attrs.field(default=0.5, validator=check_seconds)
    max_delay: float = attrs.field(default=30.0, validator=check_seconds)
    max_retry_after: float = attrs.field(default=120.0, validator=check_seconds)
    wait_if_locked: bool = attrs.field(default=False, validator=check_flag)


@attrs.frozen(kw_only=True)
class Failure:
    """What of a failed attempt matters for what comes next.

    Attributes:
        outcome: What is known of it.
        permanent: Whether it would fail in the same way again.
        status: HTTP status of the answer, None if none came.
        retry_after: Seconds that the server asks to wait, None if it does not.
    """

    outcome: Outcome
    permanent: bool = False
    status: int | None = None
    retry_after: float | None = None

    @classmethod
    def of(cls, error: VPSBGError) -> Failure:
        """What matters of an error."""
        answer = error if isinstance(error, APIError) else None
        return cls(
            outcome=error.outcome,
            permanent=error.permanent,
            status=None if answer is None else answer.status,
            retry_after=None if answer is None else answer.retry_after,
        )


@attrs.frozen
class Decision:
    """What comes after a failed attempt.

    Attributes:
        delay: Seconds to wait before the next one, None if there is to be none.
        reason: Why there is none, where it is not the failure itself that forbids it.
    """

    delay: float | None
    reason: str = ""


def decide(
    policy: RetryPolicy | None,
    failure: Failure,
    *,
    attempt: int,
    elapsed: float,
    method: str,
    effects: Collection[Effect],
    replayable: bool,
    random: Callable[[], float],
    harmless: bool = False,
) -> Decision:
    """Decide whether a call is sent again, and when.

    Args:
        policy: The settings; None to never do it.
        failure: What is known of the attempt that failed.
        attempt: How many attempts there have been.
        elapsed: Seconds since the first failure.
        method: HTTP method of the call.
        effects: What the call does beside changing data.
        replayable: Whether its body can be sent again.
        random: Gives a number from 0 up to 1.
        harmless: Whether it changes nothing, whatever its method.
    """
    if policy is None or failure.permanent:
        return Decision(None)
    safe = READS if failure.outcome is Outcome.PROCESSED else _IDEMPOTENT
    can_do_no_harm = (harmless or method in safe) and not effects
    if not _is_safe(policy, failure, can_do_no_harm=can_do_no_harm):
        return Decision(None)
    if not replayable:
        return Decision(None, "not sent again: it holds a stream that runs once")
    if attempt >= policy.max_attempts:
        return Decision(None, f"given up after {attempt} attempts" if attempt > 1 else "")
    told = failure.retry_after or 0.0
    span = min(policy.max_delay, policy.first_delay * 2.0 ** min(attempt - 1, 64))
    delay = max(told, random() * span)
    reason = _too_long(policy, told, delay, attempt=attempt, elapsed=elapsed)
    return Decision(None if reason else delay, reason)


def _too_long(
    policy: RetryPolicy, told: float, delay: float, *, attempt: int, elapsed: float
) -> str:
    """Why a delay is not waited for, of which the server has told so much; empty if it is."""
    asked = f"not waited for: {in_words(told)} are more than"
    if told > policy.max_retry_after:
        return f"{asked} {in_words(policy.max_retry_after)}"
    if policy.budget is None or elapsed + delay <= policy.budget:
        return ""
    budget = f"{in_words(policy.budget)} for retries"
    if elapsed + told > policy.budget:
        return f"{asked} is left of {budget}"
    attempts = "1 attempt" if attempt == 1 else f"{attempt} attempts"
    return f"given up after {attempts}, {budget}"


def _is_safe(policy: RetryPolicy, failure: Failure, *, can_do_no_harm: bool) -> bool:
    """Whether it is safe to send it again."""
    if failure.outcome in (Outcome.NOT_SENT, Outcome.NOT_PROCESSED):
        return True
    if failure.status == HTTPStatus.LOCKED and not policy.wait_if_locked:
        return False
    return can_do_no_harm
