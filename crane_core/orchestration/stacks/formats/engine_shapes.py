"""The shape of the Engine's service spec: every member that API 1.41 to 1.51 knows, with its type.

Times are whole nanoseconds, sizes whole bytes, processors in billionths.
"""

from __future__ import annotations

from collections.abc import Mapping

from crane_core.orchestration.stacks.formats.shapes import FLAG, NUMBER, TEXT, WHOLE, Each, Either, Named, Record, Shape

TEXTS = Each(TEXT)
LABELS = Named(TEXT)

_DRIVER = Record({"Name": TEXT, "Options": LABELS})
_FILE = Record({"Name": TEXT, "UID": TEXT, "GID": TEXT, "Mode": WHOLE})

_MOUNT = Record(
    {
        "Type": TEXT,
        "Source": TEXT,
        "Target": TEXT,
        "ReadOnly": FLAG,
        "Consistency": TEXT,
        "BindOptions": Record(
            {
                "Propagation": TEXT,
                "NonRecursive": FLAG,
                "CreateMountpoint": FLAG,
                "ReadOnlyNonRecursive": FLAG,
                "ReadOnlyForceRecursive": FLAG,
            }
        ),
        "VolumeOptions": Record({"NoCopy": FLAG, "Labels": LABELS, "Subpath": TEXT, "DriverConfig": _DRIVER}),
        "ImageOptions": Record({"Subpath": TEXT}),
        "TmpfsOptions": Record({"SizeBytes": WHOLE, "Mode": WHOLE, "Options": Each(TEXTS)}),
        "ClusterOptions": Record({}),
    }
)

_PRIVILEGES = Record(
    {
        "CredentialSpec": Record({"Config": TEXT, "File": TEXT, "Registry": TEXT}),
        "SELinuxContext": Record({"Disable": FLAG, "User": TEXT, "Role": TEXT, "Type": TEXT, "Level": TEXT}),
        "Seccomp": Record({"Mode": TEXT, "Profile": TEXT}),
        "AppArmor": Record({"Mode": TEXT}),
        "NoNewPrivileges": FLAG,
    }
)

_HEALTHCHECK = Record(
    {
        "Test": TEXTS,
        "Interval": WHOLE,
        "Timeout": WHOLE,
        "Retries": WHOLE,
        "StartPeriod": WHOLE,
        "StartInterval": WHOLE,
    }
)

_CONTAINER = Record(
    {
        "Image": TEXT,
        "Labels": LABELS,
        "Command": TEXTS,
        "Args": TEXTS,
        "Hostname": TEXT,
        "Env": TEXTS,
        "Dir": TEXT,
        "User": TEXT,
        "Groups": TEXTS,
        "Privileges": _PRIVILEGES,
        "Init": FLAG,
        "StopSignal": TEXT,
        "TTY": FLAG,
        "OpenStdin": FLAG,
        "ReadOnly": FLAG,
        "Mounts": Each(_MOUNT),
        "StopGracePeriod": WHOLE,
        "Healthcheck": _HEALTHCHECK,
        "Hosts": TEXTS,
        "DNSConfig": Record({"Nameservers": TEXTS, "Search": TEXTS, "Options": TEXTS}),
        "Secrets": Each(Record({"SecretID": TEXT, "SecretName": TEXT, "File": _FILE})),
        "Configs": Each(Record({"ConfigID": TEXT, "ConfigName": TEXT, "File": _FILE, "Runtime": Record({})})),
        "Isolation": TEXT,
        "Sysctls": LABELS,
        "CapabilityAdd": TEXTS,
        "CapabilityDrop": TEXTS,
        "Ulimits": Each(Record({"Name": TEXT, "Soft": WHOLE, "Hard": WHOLE})),
        "OomScoreAdj": WHOLE,
    }
)

_GENERIC_RESOURCES = Each(
    Record(
        {
            "NamedResourceSpec": Record({"Kind": TEXT, "Value": TEXT}),
            "DiscreteResourceSpec": Record({"Kind": TEXT, "Value": WHOLE}),
        }
    )
)

_NETWORKS = Each(Either(Record({"Target": TEXT, "Aliases": TEXTS, "DriverOpts": LABELS})))

_TASK = Record(
    {
        "ContainerSpec": _CONTAINER,
        "Resources": Record(
            {
                "Limits": Record({"NanoCPUs": WHOLE, "MemoryBytes": WHOLE, "Pids": WHOLE}),
                "Reservations": Record(
                    {"NanoCPUs": WHOLE, "MemoryBytes": WHOLE, "GenericResources": _GENERIC_RESOURCES}
                ),
                "SwapBytes": WHOLE,
                "MemorySwappiness": WHOLE,
            }
        ),
        "RestartPolicy": Record({"Condition": TEXT, "Delay": WHOLE, "MaxAttempts": WHOLE, "Window": WHOLE}),
        "Placement": Record(
            {
                "Constraints": TEXTS,
                "Preferences": Each(Record({"Spread": Record({"SpreadDescriptor": TEXT})})),
                "MaxReplicas": WHOLE,
                "Platforms": Each(Record({"Architecture": TEXT, "OS": TEXT})),
            }
        ),
        "Networks": _NETWORKS,
        "LogDriver": _DRIVER,
        "ForceUpdate": WHOLE,
        "Runtime": TEXT,
    }
)

_UPDATE = Record(
    {
        "Parallelism": WHOLE,
        "Delay": WHOLE,
        "FailureAction": TEXT,
        "Monitor": WHOLE,
        "MaxFailureRatio": NUMBER,
        "Order": TEXT,
    }
)

SERVICE: Mapping[str, Shape] = {
    "Name": TEXT,
    "Labels": LABELS,
    "TaskTemplate": _TASK,
    "Mode": Record(
        {
            "Replicated": Record({"Replicas": WHOLE}),
            "Global": Record({}),
            "ReplicatedJob": Record({"MaxConcurrent": WHOLE, "TotalCompletions": WHOLE}),
            "GlobalJob": Record({}),
        }
    ),
    "UpdateConfig": _UPDATE,
    "RollbackConfig": _UPDATE,
    "Networks": _NETWORKS,
    "EndpointSpec": Record(
        {
            "Mode": TEXT,
            "Ports": Each(
                Record(
                    {
                        "Name": TEXT,
                        "Protocol": TEXT,
                        "TargetPort": WHOLE,
                        "PublishedPort": WHOLE,
                        "PublishMode": TEXT,
                    }
                )
            ),
        }
    ),
}
