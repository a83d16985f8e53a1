"""Secrets: content that services are given as files, and that nobody is ever shown."""
