"""What an Engine is too old to know is left out of comparisons, and told of."""

from __future__ import annotations

from crane_core.engine.compatibility import drop_unknown


def _spec() -> dict:
    return {
        "TaskTemplate": {
            "ContainerSpec": {
                "OomScoreAdj": 100,
                "Healthcheck": {"Test": ["CMD", "true"], "StartInterval": 1_000_000_000},
                "Privileges": {"NoNewPrivileges": False},
                "Mounts": [{"Type": "volume"}, {"Type": "volume", "VolumeOptions": {"Subpath": "a"}}],
            }
        }
    }


def test_old_engine_is_not_asked_for_what_it_does_not_know():
    spec = _spec()

    told = drop_unknown(spec, (1, 41))

    container = spec["TaskTemplate"]["ContainerSpec"]
    assert container["Healthcheck"] == {"Test": ["CMD", "true"]}
    assert container["Mounts"][1]["VolumeOptions"] == {}
    assert "OomScoreAdj" not in container
    assert {unknown.pointer.rpartition("/")[2] for unknown in told} == {"StartInterval", "Subpath", "OomScoreAdj"}
    assert "needs API 1.44, and it has 1.41" in told[0].detail


def test_new_engine_is_asked_for_everything():
    spec = _spec()

    assert drop_unknown(spec, (1, 47)) == []
    assert spec == _spec()


def test_new_service_is_sent_as_the_docker_cli_sends_it():
    spec = _spec()

    told = drop_unknown(spec, (1, 41), creating=True)

    assert "OomScoreAdj" not in spec["TaskTemplate"]["ContainerSpec"]
    assert spec["TaskTemplate"]["ContainerSpec"]["Healthcheck"]["StartInterval"] == 1_000_000_000
    assert len(told) == 3
