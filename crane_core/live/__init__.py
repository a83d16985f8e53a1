"""The live socket: one for each browser tab, over which lists and objects are sent as they change.

A client subscribes to topics, and is sent each as a snapshot first and as changes from then on. A board keeps what a
topic says now, and since when; each subscription keeps only which state of the board it has seen. So somebody who reads
slowly is sent the newest state when they are ready for it, and never a queue of old ones.
"""
