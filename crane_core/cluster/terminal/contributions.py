"""What terminals hand over to the server: their settings and actions."""

from __future__ import annotations

from crane_core.cluster.terminal.places import OUTSIDE, find_service, find_task
from crane_core.cluster.terminal.routes import find_recording
from crane_core.containers import find_container_target
from crane_core.contributions import Action, Setting

SETTINGS = (
    Setting("terminal.most", int, 100, "How many terminals may be open; at the most a tenth of the threads."),
    Setting("terminal.most_each", int, 10, "How many terminals one caller may have open."),
    Setting(
        "terminal.idle_seconds",
        float,
        1800.0,
        "How long nothing may be typed in a terminal before it is closed, in seconds; 0 for ever.",
    ),
    Setting(
        "terminal.reattach_seconds",
        float,
        60.0,
        "How long a terminal waits for who lost the connection to come back, in seconds.",
    ),
    Setting("terminal.record", bool, False, "Record what programs print in terminals; what is typed never is."),
    Setting(
        "terminal.recordings_directory",
        str,
        "",
        "Where recordings are kept; in the server's data directory when empty.",
    ),
    Setting("terminal.recording_mib", int, 16, "How much of one terminal is recorded, in MiB."),
    Setting("terminal.recordings_mib", int, 1024, "How large all recordings together may be, in MiB."),
    Setting("terminal.recordings_days", float, 90.0, "How long recordings are kept, in days; 0 for ever."),
)
ACTIONS = (
    Action(
        "container:exec",
        "Open terminals in containers and run programs there.",
        find_container_target,
        within=("stack", "node"),
    ),
    Action(OUTSIDE, "Open terminals in containers that belong to no stack.", find_container_target, within=("node",)),
    Action("task:exec", "Open terminals in the containers of tasks.", find_task, within=("stack",)),
    Action("service:exec", "Open terminals in the tasks of services.", find_service, within=("stack",)),
    Action("terminal-recording:read", "See and download recorded terminals.", find_recording),
    Action("terminal-recording:remove", "Remove recorded terminals.", find_recording),
)
