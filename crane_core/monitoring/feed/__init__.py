"""The feed: the events of every node, of the Swarm and of Crane, and the changes of tasks, in one order."""
