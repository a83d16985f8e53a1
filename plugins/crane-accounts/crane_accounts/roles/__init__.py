"""Roles: sets of actions, those that come with Crane and one's own."""
