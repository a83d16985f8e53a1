"""Configs: content that services are given as files."""
