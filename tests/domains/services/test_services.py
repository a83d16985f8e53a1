"""Services over HTTP: created, read, patched, scaled, given another image, forced, rolled back and removed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crane_core.testing.behaviours import Exits

WORDS = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=6)
WORDS_BY_NAME = st.dictionaries(WORDS, WORDS, max_size=2)
SECRET_NAMES = st.sampled_from(["DB_PASSWORD", "apiKey", "TAG", "URL"])
SECRETS = WORDS.map("canary-{}".format)
ADDRESSES = SECRETS.map("https://ann:{}@registry.example/".format)
CONTAINERS = st.fixed_dictionaries(
    {"Image": st.sampled_from(["nginx:1", "ghcr.io/team/app"])},
    optional={
        "Env": st.lists(st.builds("{}={}".format, WORDS | SECRET_NAMES, WORDS | ADDRESSES), max_size=3),
        "Args": st.lists(WORDS | ADDRESSES | SECRETS.map("--token={}".format) | st.just("--password"), max_size=4),
        "Labels": WORDS_BY_NAME | st.dictionaries(SECRET_NAMES, WORDS, max_size=2),
        "StopGracePeriod": st.integers(0, 10**11),
        "Healthcheck": st.just({"Test": ["CMD", "true"], "Retries": 2}),
    },
)
TASKS = st.fixed_dictionaries(
    {"ContainerSpec": CONTAINERS},
    optional={
        "RestartPolicy": st.fixed_dictionaries({"Condition": st.sampled_from(["any", "none", "on-failure"])}),
        "Placement": st.just({"Constraints": ["node.role==worker"]}),
        "Resources": st.sampled_from([{}, {"Limits": {"NanoCPUs": 10**8}}]),
        "Networks": st.just([{"Target": "front", "Aliases": ["web"]}]),
    },
)
SPECS = st.fixed_dictionaries(
    {"TaskTemplate": TASKS},
    optional={
        "Labels": WORDS_BY_NAME,
        "Mode": st.sampled_from([{"Global": {}}, {"Replicated": {"Replicas": 0}}, {"Replicated": {"Replicas": 2}}]),
        "UpdateConfig": st.fixed_dictionaries({"Parallelism": st.integers(0, 3)}),
    },
)


@pytest.fixture
def make(client, settle):
    """Create a service from a few words, and let it run."""

    def act(name="web", image="nginx:1", **members):
        answer = client.post("/api/v1/services", json={"name": name, "image": image, **members})
        assert answer.status_code == 202, answer.json
        settle()
        return answer.json

    return act


ENV = {"ContainerSpec": {"Image": "nginx:1", "Env": ["DB_PASSWORD=hush", "TAG=1"]}}


def container(swarm, name="web"):
    return swarm.service(name)["Spec"]["TaskTemplate"]["ContainerSpec"]


class TestCreating:
    """POST /services."""

    def test_service_is_created_from_a_few_words(self, make, client, swarm):
        operation = make(replicas=2)

        assert (operation["kind"], operation["target"]) == ("service.create", "web")
        assert client.get("/api/v1/services/web").json["tasks_running"] == 2
        assert container(swarm)["Image"] == "nginx:1"

    def test_service_is_created_from_dockers_own_spec(self, client, swarm):
        spec = {
            "Name": "web",
            "Labels": {"team": "blue"},
            "TaskTemplate": {"ContainerSpec": {"Image": "nginx:1", "Env": ["A=1"]}},
        }

        client.post("/api/v1/services", json=spec)

        assert swarm.service("web")["Spec"]["Labels"] == {"team": "blue"}
        assert container(swarm)["Env"] == ["A=1"]

    def test_digest_is_pinned(self, client, swarm):
        swarm.digests["nginx:1"] = f"sha256:{'1' * 64}"

        client.post("/api/v1/services", json={"name": "web", "image": "nginx:1"})

        assert container(swarm)["Image"] == f"nginx:1@sha256:{'1' * 64}"

    def test_second_service_of_a_name_is_refused(self, make, client):
        make()

        answer = client.post("/api/v1/services", json={"name": "web", "image": "nginx:1"})

        assert (answer.status_code, answer.json["code"]) == (409, "service-exists")

    def test_name_that_begins_an_id_is_still_a_new_name(self, make, client, swarm):
        make()
        begun = swarm.service("web")["ID"][:3]

        make(name=begun)

        assert swarm.services == sorted(["web", begun])

    @pytest.mark.parametrize(
        ("spec", "pointers"),
        [
            ({}, ["/Name", "/TaskTemplate/ContainerSpec/Image"]),
            ({"name": "two words", "image": "nginx"}, ["/Name"]),
            ({"name": "web", "image": "Not An Image"}, ["/TaskTemplate/ContainerSpec/Image"]),
            ({"name": "web", "image": "nginx", "Colour": "blue"}, ["/Colour"]),
            ({"name": "web", "image": "nginx", "Labels": {"a": 1}}, ["/Labels"]),
            ({"name": "web", "image": "nginx", "TaskTemplate": []}, ["/TaskTemplate"]),
            ({"Name": "web", "TaskTemplate": {"ContainerSpec": 5}}, ["/TaskTemplate/ContainerSpec"]),
            ({"name": "web", "image": "nginx", "Mode": {"Global": {}, "Replicated": {}}}, ["/Mode"]),
            (
                {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "nginx", "Env": "A=1"}}},
                ["/TaskTemplate/ContainerSpec/Env"],
            ),
            (
                {"name": "web", "image": "nginx", "TaskTemplate": {"networks": [{"target": "host"}]}},
                ["/TaskTemplate/networks", "/TaskTemplate/networks/0/target"][:1],
            ),
        ],
    )
    def test_spec_of_the_wrong_shape_is_refused(self, client, swarm, spec, pointers):
        answer = client.post("/api/v1/services", json=spec)

        assert answer.status_code == 422, answer.json
        assert [error["pointer"] for error in answer.json["errors"]] == pointers
        assert swarm.writes == []

    def test_port_of_another_service_is_refused(self, make, client, swarm):
        make(EndpointSpec={"Ports": [{"TargetPort": 80, "PublishedPort": 80}]})
        written = len(swarm.writes)

        answer = client.post(
            "/api/v1/services",
            json={
                "name": "two",
                "image": "nginx",
                "EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": 80}]},
            },
        )

        assert answer.status_code == 422
        assert answer.json["errors"] == [
            {
                "pointer": "/EndpointSpec/Ports/0",
                "detail": "The port 80/tcp is published by the service web already.",
                "code": "port-taken",
            }
        ]
        assert len(swarm.writes) == written


class TestReading:
    """GET /services and what is below it."""

    def test_list_is_sorted_filtered_and_paged(self, make, client):
        make("b", replicas=2)
        make("a", replicas=1)
        make("c", "redis:7", Mode={"Global": {}})

        def names(query):
            return [row["name"] for row in client.get(f"/api/v1/services{query}").json["items"]]

        assert names("") == ["a", "b", "c"]
        assert names("?sort=-tasks_desired") == ["c", "b", "a"]
        assert names("?mode=global") == ["c"]
        assert names("?image=nginx:1,redis:6") == ["a", "b"]
        assert names("?limit=1&offset=1") == ["b"]
        assert client.get("/api/v1/services?limit=1").json["total"] == 3

    def test_misspelt_filter_is_refused_with_a_suggestion(self, client):
        answer = client.get("/api/v1/services?stak=shop")

        assert answer.status_code == 422
        assert "stack" in answer.json["errors"][0]["detail"]

    def test_unchanged_list_costs_a_304(self, make, client):
        make()
        etag = client.get("/api/v1/services").headers["ETag"]

        assert client.get("/api/v1/services", headers={"If-None-Match": etag}).status_code == 304
        client.post("/api/v1/services/web/scale", json={"replicas": 2})
        assert client.get("/api/v1/services", headers={"If-None-Match": etag}).status_code == 200

    def test_service_is_shown_in_dockers_shape_with_what_crane_knows(self, make, client):
        make(EndpointSpec={"Ports": [{"TargetPort": 80, "PublishedPort": 8080}]})

        shown = client.get("/api/v1/services/web").json

        assert shown["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "nginx:1"
        assert (shown["mode"], shown["state"], shown["why"], shown["stack"]) == ("replicated", "converged", None, None)
        assert shown["why_code"] is None
        assert shown["ports"][0]["PublishedPort"] == 8080

    def test_service_is_found_by_name_id_and_the_beginning_of_its_id(self, make, client, swarm):
        make()
        id_ = swarm.service("web")["ID"]

        assert [client.get(f"/api/v1/services/{key}").json["name"] for key in ("web", id_, id_[:8])] == ["web"] * 3

    def test_service_that_does_not_run_says_why(self, client, swarm, settle):
        swarm.images["broken:1"] = Exits(3)
        client.post("/api/v1/services", json={"name": "web", "image": "broken:1"})
        settle()

        shown = client.get("/api/v1/services/web").json

        assert shown["state"] == "degraded"
        assert "3" in shown["why"]
        assert shown["why_code"] == "exits"

    def test_tasks_are_told_by_slot_with_earlier_attempts(self, make, client, settle):
        make(replicas=2)
        client.post("/api/v1/services/web/force")
        settle()

        listed = client.get("/api/v1/services/web/tasks").json

        assert [(row["slot"], row["current"]["state"], len(row["earlier"])) for row in listed["items"]] == [
            (1, "running", 1),
            (2, "running", 1),
        ]
        assert listed["total"] == 2
        assert client.get("/api/v1/services/web/tasks?limit=1&offset=1").json["items"][0]["slot"] == 2

    def test_unknown_service_is_told_so(self, client):
        assert client.get("/api/v1/services/none").status_code == 404


class TestSecrets:
    """Values that look secret."""

    def test_value_that_looks_secret_is_hidden_unless_revealed(self, make, client):
        make(TaskTemplate=ENV)

        hidden = client.get("/api/v1/services/web").text
        revealed = client.get("/api/v1/services/web?reveal=true").text

        assert "hush" not in hidden
        assert "DB_PASSWORD=hush" in revealed

    def test_hidden_value_that_is_sent_back_changes_nothing(self, make, client, swarm):
        make(TaskTemplate=ENV)
        spec = client.get("/api/v1/services/web").json["Spec"]
        written = len(swarm.writes)

        answer = client.patch("/api/v1/services/web", json=spec)

        assert (answer.status_code, answer.json["steps"]) == (200, [])
        assert len(swarm.writes) == written

    @pytest.mark.parametrize(
        ("sent", "written"),
        [
            (["TAG=2", "DB_PASSWORD=(hidden)"], ["TAG=2", "DB_PASSWORD=hush"]),
            (["DB_PASSWORD=(hidden)", "NEW=1"], ["DB_PASSWORD=hush", "NEW=1"]),
            (["DB_PASSWORD=other"], ["DB_PASSWORD=other"]),
            (["TAG=1"], ["TAG=1"]),
        ],
    )
    def test_variables_are_changed_without_knowing_the_hidden_one(self, make, client, swarm, sent, written):
        make(TaskTemplate=ENV)

        answer = client.patch("/api/v1/services/web", json={"TaskTemplate": {"ContainerSpec": {"Env": sent}}})

        assert answer.status_code == 202
        assert container(swarm)["Env"] == written
        assert "hush" not in answer.text

    @pytest.mark.parametrize(
        ("members", "pointer"),
        [
            ({"Env": ["TAG=1", "API_TOKEN=(hidden)"]}, "/TaskTemplate/ContainerSpec/Env/1"),
            ({"Env": ["TAG=(hidden)"]}, "/TaskTemplate/ContainerSpec/Env/0"),
            ({"Labels": {"note": "(hidden)"}}, "/TaskTemplate/ContainerSpec/Labels/note"),
            ({"Args": ["--password", "(hidden)"]}, "/TaskTemplate/ContainerSpec/Args/1"),
            ({"Args": ["DB_PASSWORD=(hidden)"]}, "/TaskTemplate/ContainerSpec/Args/0"),
            ({"Hostname": "(hidden)"}, "/TaskTemplate/ContainerSpec/Hostname"),
        ],
    )
    def test_hidden_value_of_nothing_is_not_written(self, make, client, swarm, members, pointer):
        make(TaskTemplate=ENV)
        written = len(swarm.writes)

        answer = client.patch("/api/v1/services/web", json={"TaskTemplate": {"ContainerSpec": members}})

        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
        assert len(swarm.writes) == written

    def test_new_service_has_no_hidden_values(self, client, swarm):
        spec = {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "nginx:1", "Env": ["DB_PASSWORD=(hidden)"]}}}

        assert client.post("/api/v1/services", json=spec).status_code == 422
        assert swarm.writes == []

    @pytest.mark.parametrize(
        "members",
        [
            {"TaskTemplate": {"ContainerSpec": {"Env": "DB_PASSWORD=(hidden)"}}},
            {"TaskTemplate": {"ContainerSpec": {"Env": {"DB_PASSWORD": "(hidden)"}}}},
            {"TaskTemplate": {"ContainerSpec": {"Env": [["DB_PASSWORD=(hidden)"]]}}},
            {"TaskTemplate": {"ContainerSpec": "(hidden)"}},
            {"TaskTemplate": {"ContainerSpec": {"Mounts": ["(hidden)"]}}},
            {"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Target": {"a": "(hidden)"}}]}}},
            {"TaskTemplate": {"ContainerSpec": {"Secrets": [{"File": "(hidden)"}]}}},
            {"TaskTemplate": {"Networks": "(hidden)"}},
            {"TaskTemplate": {"Networks": ["(hidden)"]}},
            {"EndpointSpec": {"Ports": [{"TargetPort": "(hidden)"}]}},
            {"Labels": "(hidden)"},
            {"Labels": {"password": {"a": "(hidden)"}}},
            {"Mode": {"Replicated": {"Replicas": "(hidden)"}}},
            {"Data": "(hidden)"},
        ],
    )
    def test_hidden_value_in_the_wrong_shape_is_refused(self, make, client, swarm, members):
        make(
            TaskTemplate={
                "ContainerSpec": {**ENV["ContainerSpec"], "Mounts": [{"Type": "tmpfs", "Target": "/a"}]},
                "Networks": [],
            },
            Labels={"password": "hush"},
        )
        written = len(swarm.writes)

        answer = client.patch("/api/v1/services/web", json=members)

        assert answer.status_code == 422, answer.text
        assert len(swarm.writes) == written
        assert "hush" not in answer.text

    def test_plan_of_a_hidden_value_that_stays_shows_no_difference(self, make, client):
        make(TaskTemplate=ENV, Labels={"team.token": "hush"})
        spec = client.get("/api/v1/services/web").json["Spec"]
        spec["TaskTemplate"]["ContainerSpec"]["Env"] = ["NEW=1", *spec["TaskTemplate"]["ContainerSpec"]["Env"]]

        answer = client.patch("/api/v1/services/web?plan=true", json=spec)

        [change] = answer.json["changes"]
        assert [field["path"] for field in change["fields"]] == ["/TaskTemplate/ContainerSpec/Env/NEW"]
        assert "hush" not in answer.text

    def test_hidden_value_means_what_it_is_when_the_plan_is_applied(self, make, client, swarm):
        make(TaskTemplate=ENV)
        sent = {"TaskTemplate": {"ContainerSpec": {"Env": ["DB_PASSWORD=(hidden)", "TAG=2"]}}}
        plan = client.patch("/api/v1/services/web?plan=true", json=sent).json
        moved = {"TaskTemplate": {"ContainerSpec": {"Env": ["DB_PASSWORD=new", "TAG=1"]}}}
        client.patch("/api/v1/services/web", json=moved)

        outdated = client.post(f"/api/v1/plans/{plan['id']}/apply")
        client.post(f"/api/v1/plans/{outdated.json['plan']['id']}/apply")

        assert (outdated.status_code, outdated.json["code"]) == (409, "plan-outdated")
        assert container(swarm)["Env"] == ["DB_PASSWORD=new", "TAG=2"]

    def test_options_of_a_network_are_found_although_it_is_shown_by_its_id(self, make, client, swarm):
        ids = {name: swarm.make_network(name, {}).id for name in ("front", "back")}
        attached = [{"Target": name, "DriverOpts": {"password": f"hush {name}"}} for name in ids]
        make(TaskTemplate={**ENV, "Networks": attached})
        networks = client.get("/api/v1/services/web").json["Spec"]["TaskTemplate"]["Networks"]
        networks.reverse()
        networks[0]["Aliases"] = ["web"]

        answer = client.patch("/api/v1/services/web", json={"TaskTemplate": {"Networks": networks}})

        assert (answer.status_code, "hush" in answer.text) == (202, False)
        written = swarm.service("web")["Spec"]["TaskTemplate"]["Networks"]
        told = {network["Target"]: network["DriverOpts"]["password"] for network in written}
        assert told == {id_: f"hush {name}" for name, id_ in ids.items()}


class TestPatching:
    """PATCH /services/{name}."""

    def test_what_is_not_named_stays(self, make, client, swarm):
        make(
            TaskTemplate={
                "ContainerSpec": {"Image": "nginx:1", "Hostname": "h", "Labels": {"a": "b"}},
                "LogDriver": {"Name": "none"},
            },
            UpdateConfig={"Parallelism": 3},
        )

        client.patch("/api/v1/services/web", json={"TaskTemplate": {"ContainerSpec": {"Hostname": None, "User": "me"}}})

        spec = swarm.service("web")["Spec"]
        assert spec["TaskTemplate"]["ContainerSpec"] == {
            "Image": "nginx:1",
            "Labels": {"a": "b"},
            "User": "me",
            "Isolation": "default",
        }
        assert spec["TaskTemplate"]["LogDriver"] == {"Name": "none"}
        assert spec["UpdateConfig"]["Parallelism"] == 3

    def test_short_words_are_understood(self, make, client, swarm):
        make()

        client.patch("/api/v1/services/web", json={"image": "nginx:2", "replicas": 3})

        assert container(swarm)["Image"] == "nginx:2"
        assert swarm.service("web")["Spec"]["Mode"] == {"Replicated": {"Replicas": 3}}

    def test_patch_is_refused_when_the_service_moved(self, make, client, swarm):
        make()
        etag = client.get("/api/v1/services/web").headers["ETag"]
        client.post("/api/v1/services/web/scale", json={"replicas": 2})
        written = len(swarm.writes)

        answer = client.patch("/api/v1/services/web", json={"Labels": {"a": "b"}}, headers={"If-Match": etag})

        assert (answer.status_code, answer.json["code"]) == (409, "outdated")
        assert len(swarm.writes) == written

    def test_patch_is_made_when_the_service_did_not_move(self, make, client, swarm):
        make()
        etag = client.get("/api/v1/services/web").headers["ETag"]

        client.patch("/api/v1/services/web", json={"Labels": {"a": "b"}}, headers={"If-Match": etag})

        assert swarm.service("web")["Spec"]["Labels"] == {"a": "b"}

    def test_service_is_not_renamed(self, make, client):
        make()

        answer = client.patch("/api/v1/services/web", json={"Name": "other"})

        assert answer.json["errors"][0]["pointer"] == "/Name"

    def test_plan_of_a_patch_changes_nothing_and_can_be_applied(self, make, client, swarm):
        make()
        written = len(swarm.writes)

        made = client.patch("/api/v1/services/web?plan=true", json={"Labels": {"a": "b"}}).json

        assert [change["action"] for change in made["changes"]] == ["update"]
        assert len(swarm.writes) == written
        client.post(f"/api/v1/plans/{made['id']}/apply")
        assert swarm.service("web")["Spec"]["Labels"] == {"a": "b"}

    def test_update_that_empties_the_placement_leaves_one(self, make, client, swarm):
        make(TaskTemplate={"ContainerSpec": {"Image": "nginx:1"}, "Placement": {"Constraints": ["node.role==manager"]}})

        client.patch("/api/v1/services/web", json={"TaskTemplate": {"Placement": None}})

        [sent] = [call for call in swarm.calls if call.path.endswith("/update")]
        assert msgspec.json.decode(sent.body)["TaskTemplate"]["Placement"] == {}

    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(spec=SPECS)
    def test_spec_that_is_read_and_written_back_changes_nothing(self, client, crane, swarm, spec):
        if "front" not in swarm.networks:
            swarm.make_network("front", {})
        if "web" in swarm.services:
            crane.engine.remove("service", "web")
            swarm.settle()
        crane.engine.create("service", {"Name": "web", **spec})
        crane.watcher.look()
        read = client.get("/api/v1/services/web?reveal=true").json["Spec"]
        written = len(swarm.writes)

        answer = client.patch("/api/v1/services/web?plan=true", json=read)

        assert answer.status_code == 201, answer.json
        assert [change["action"] for change in answer.json["changes"]] == ["keep"], answer.json["changes"]
        assert len(swarm.writes) == written

    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(spec=SPECS)
    def test_spec_that_is_written_back_as_it_was_shown_changes_nothing(self, client, crane, swarm, spec):
        if "front" not in swarm.networks:
            swarm.make_network("front", {})
        if "web" in swarm.services:
            crane.engine.remove("service", "web")
            swarm.settle()
        crane.engine.create("service", {"Name": "web", **spec})
        crane.watcher.look()
        shown = client.get("/api/v1/services/web").json["Spec"]

        answer = client.patch("/api/v1/services/web?plan=true", json=shown)

        assert answer.status_code == 201, answer.json
        assert [change["action"] for change in answer.json["changes"]] == ["keep"], answer.json["changes"]
        assert [change["fields"] for change in answer.json["changes"]] == [[]]
        assert "canary" not in answer.text


class TestChanging:
    """The verbs of a service."""

    def test_service_is_scaled(self, make, client, settle, swarm):
        make()

        answer = client.post("/api/v1/services/web/scale", json={"replicas": 3})
        settle()

        assert answer.json["kind"] == "service.scale"
        assert client.get("/api/v1/services/web").json["tasks_running"] == 3

    def test_global_service_is_not_scaled(self, make, client, swarm):
        make(Mode={"Global": {}})
        written = len(swarm.writes)

        answer = client.post("/api/v1/services/web/scale", json={"replicas": 3})

        assert (answer.status_code, answer.json["code"]) == (422, "not-scalable")
        assert len(swarm.writes) == written

    @pytest.mark.parametrize("replicas", [-1, "3", 1.5, None])
    def test_number_of_replicas_must_be_one(self, make, client, replicas):
        make()

        assert client.post("/api/v1/services/web/scale", json={"replicas": replicas}).status_code == 422

    def test_image_is_replaced_and_its_digest_pinned(self, make, client, swarm):
        make()
        swarm.digests["nginx:2"] = f"sha256:{'2' * 64}"

        answer = client.post("/api/v1/services/web/image", json={"image": "nginx:2"})

        assert answer.json["kind"] == "service.image"
        assert container(swarm)["Image"] == f"nginx:2@sha256:{'2' * 64}"

    def test_what_a_tag_means_by_now_is_looked_up_again(self, make, client, swarm):
        make()
        swarm.digests["nginx:1"] = f"sha256:{'2' * 64}"

        client.post("/api/v1/services/web/image", json={"image": "nginx:1"})

        assert container(swarm)["Image"] == f"nginx:1@sha256:{'2' * 64}"

    def test_tasks_are_replaced_by_force(self, make, client, settle, swarm):
        make()
        before = {task["ID"] for task in swarm.tasks("web")}

        client.post("/api/v1/services/web/force")
        settle()

        running = {task["ID"] for task in swarm.tasks("web") if task["Status"]["State"] == "running"}
        assert running
        assert running.isdisjoint(before)

    def test_service_returns_to_what_it_was(self, make, client, settle, swarm):
        make()
        client.post("/api/v1/services/web/image", json={"image": "nginx:2"})
        settle()

        made = client.post("/api/v1/services/web/rollback?plan=true").json
        client.post("/api/v1/services/web/rollback")
        settle()

        assert {(f["old"], f["new"]) for f in made["changes"][0]["fields"]} == {("nginx:2", "nginx:1")}
        assert container(swarm)["Image"] == "nginx:1"

    def test_rollback_that_would_take_the_placement_away_leaves_an_empty_one(self, make, client, settle, swarm):
        make()
        placed = {"TaskTemplate": {"Placement": {"Constraints": ["node.role==worker"]}}}
        client.patch("/api/v1/services/web", json=placed)
        settle()
        before = len(swarm.calls)

        client.post("/api/v1/services/web/rollback")

        [sent] = [call for call in swarm.calls[before:] if call.path.endswith("/update")]
        assert "rollback" not in sent.params
        assert msgspec.json.decode(sent.body)["TaskTemplate"]["Placement"] == {}

    def test_service_without_a_past_cannot_return_to_it(self, make, client):
        make()

        answer = client.post("/api/v1/services/web/rollback")

        assert (answer.status_code, answer.json["code"]) == (409, "nothing-to-roll-back")

    def test_service_is_removed(self, make, client, swarm):
        make()

        answer = client.delete("/api/v1/services/web")

        assert answer.json["kind"] == "service.remove"
        assert swarm.services == []

    def test_change_that_changes_nothing_sends_nothing(self, make, client, swarm):
        make()
        written = len(swarm.writes)

        client.post("/api/v1/services/web/scale", json={"replicas": 1})

        assert len(swarm.writes) == written
