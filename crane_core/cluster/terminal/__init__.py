"""Terminals: shells and other programs in the containers of any node, over a WebSocket."""
