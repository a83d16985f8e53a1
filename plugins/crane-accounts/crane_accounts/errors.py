"""What can go wrong with accounts."""

from __future__ import annotations

from crane_core.errors import Conflict, Forbidden, NotFound


class AccountNotFound(NotFound):
    """There is no such account."""

    code, title = "account-not-found", "There is no such account."


class GroupNotFound(NotFound):
    """There is no such group."""

    code, title = "group-not-found", "There is no such group."


class RoleNotFound(NotFound):
    """There is no such role."""

    code, title = "role-not-found", "There is no such role."


class GrantNotFound(NotFound):
    """There is no such grant."""

    code, title = "grant-not-found", "There is no such grant."


class NameTaken(Conflict):
    """Another account, group or role has this name."""

    code, title = "account-name-taken", "The name is taken."


class GrantExists(Conflict):
    """The same is granted already."""

    code, title = "grant-exists", "This is granted already."


class RoleInUse(Conflict):
    """Grants give the role, so that it cannot be removed."""

    code, title = "role-in-use", "The role is granted to somebody."


class BuiltIn(Conflict):
    """A role that is built in cannot be changed."""

    code, title = "built-in-role", "The role is built in, and cannot be changed."


class LastAdmin(Conflict):
    """Nobody would be left who may do everything."""

    code, title = "last-admin", "Nobody would be left who may do everything."


class AlreadySetUp(Conflict):
    """There is an admin already."""

    code, title = "already-set-up", "There is an admin already."


class MoreThanYouHold(Forbidden):
    """Nobody gives away more than they hold."""

    code, title = "more-than-you-hold", "You cannot give away more than you hold."


class MemberNotFound(NotFound):
    """The account is not in the group."""

    code, title = "member-not-found", "The account is not in the group."


class MemberFromElsewhere(Conflict):
    """Only another source put the account into the group, and would do so again."""

    code, title = "member-from-elsewhere", "The account is in the group by another source."
