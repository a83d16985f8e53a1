"""Volumes: data that stays on a node when the containers that mount it go."""
