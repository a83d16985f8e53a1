from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crane_core.engine import decode
from crane_core.engine.cache import Cache
from crane_core.engine.snapshot import KINDS, Snapshot, changes_between
from crane_core.errors import Ambiguous, NotFound
from tests.core.engine.making import network_json, node_json, nodes, service_json, services, task_json, tasks


@pytest.fixture
def cache():
    return Cache()


def _put_services(cache, *bodies):
    return cache.put_all("services", services(*bodies), cache.begin())


def test_a_snapshot_stays_as_it_was(cache):
    _put_services(cache, service_json("a"))
    before = cache.snapshot()

    _put_services(cache, service_json("b"))

    assert list(before.services) == ["a"]
    assert list(cache.snapshot().services) == ["b"]


def test_reading_the_same_again_changes_no_version(cache):
    _put_services(cache, service_json("a"))
    cache.put_tasks(None, tasks(task_json("t", "a")), cache.begin())
    before = cache.snapshot()

    changed = _put_services(cache, service_json("a"))
    cache.put_tasks(None, tasks(task_json("t", "a")), cache.begin())

    assert changed == set()
    assert cache.snapshot() is before


def test_a_count_of_tasks_is_a_change_though_the_version_of_the_service_stays(cache):
    _put_services(cache, service_json("a", running=0))
    before = cache.snapshot()

    assert _put_services(cache, service_json("a", running=1)) == {"a"}
    assert cache.snapshot().version > before.version


def test_only_the_kind_that_changed_has_another_version(cache):
    _put_services(cache, service_json("a"))
    before = cache.snapshot().versions

    cache.put_all("nodes", nodes(node_json("n")), cache.begin())

    after = cache.snapshot().versions
    assert {kind for kind in KINDS if before[kind] != after[kind]} == {"nodes"}


def test_the_tasks_of_a_removed_service_go_with_it(cache):
    _put_services(cache, service_json("a"), service_json("b"))
    cache.put_tasks(None, tasks(task_json("t", "a"), task_json("u", "b")), cache.begin())

    _put_services(cache, service_json("b"))

    assert list(cache.snapshot().tasks) == ["b"]


def test_tasks_of_a_service_that_is_not_known_are_not_kept(cache):
    cache.put_tasks(None, tasks(task_json("t", "gone")), cache.begin())

    assert cache.snapshot().tasks == {}


def test_a_list_that_was_asked_for_before_a_write_does_not_undo_it(cache):
    _put_services(cache, service_json("a", version=1), service_json("gone"))
    slow = cache.begin()
    stale = services(service_json("a", version=1), service_json("gone"))
    written = services(service_json("a", version=2), service_json("new"))
    cache.put_some("services", ["a", "new", "gone"], written, cache.begin())

    cache.put_all("services", stale, slow)

    assert {id_: one.version for id_, one in cache.snapshot().services.items()} == {"a": 2, "new": 1}


def test_a_list_that_was_asked_for_after_a_write_is_believed(cache):
    _put_services(cache, service_json("a"))
    cache.put_some("services", ["a"], services(service_json("a", version=5)), cache.begin())

    # As after a Swarm was restored from a backup: the version is lower, and true.
    _put_services(cache, service_json("a", version=3))

    assert cache.snapshot().services["a"].version == 3


def test_single_tasks_read_late_do_not_replace_what_was_read_after_them(cache):
    _put_services(cache, service_json("a"))
    slow = cache.begin()
    cache.put_tasks(None, tasks(task_json("t", "a", version=2)), cache.begin())

    cache.put_tasks(["a"], tasks(task_json("t", "a", version=1)), slow)

    assert cache.snapshot().tasks["a"][0].version == 2


def test_a_subscriber_is_told_of_each_change_in_order(cache):
    told = []
    first, subscription = cache.snapshot_and_subscribe(lambda old, new: told.append((old, new)))

    _put_services(cache, service_json("a"))
    _put_services(cache, service_json("b"))
    subscription.close()
    _put_services(cache)

    assert [old for old, _ in told] == [first, told[0][1]]
    assert len(told) == 2


def test_a_subscriber_that_fails_does_not_keep_others_from_being_told(cache, caplog):
    told = []

    def fail(old, new):
        raise RuntimeError("a plugin's mistake")

    cache.snapshot_and_subscribe(fail)
    cache.snapshot_and_subscribe(lambda old, new: told.append(new.version))

    _put_services(cache, service_json("a"))
    _put_services(cache, service_json("b"))

    assert told == [1, 2]
    assert "a plugin's mistake" in caplog.text


def test_a_subscriber_may_write_and_is_told_of_it_afterwards(cache):
    told = []

    def react(old, new):
        told.append(new.version)
        if new.version == 1:
            _put_services(cache, service_json("b"))

    also_told = []
    cache.snapshot_and_subscribe(react)
    cache.snapshot_and_subscribe(lambda old, new: also_told.append(new.version))
    _put_services(cache, service_json("a"))

    assert told == [1, 2]
    assert also_told == [1, 2]


def test_whoever_waits_is_woken_by_a_change(cache):
    before = cache.snapshot().version
    seen = []
    thread = threading.Thread(target=lambda: seen.append(cache.wait_for_change(before, 60)))
    thread.start()

    _put_services(cache, service_json("a"))
    thread.join(60)

    assert list(seen[0].services) == ["a"]


def test_waiting_ends_with_its_time(cache):
    assert cache.wait_for_change(cache.snapshot().version, 0.01) is cache.snapshot()


def test_a_source_tells_its_age_and_what_went_wrong():
    now = [100.0]
    cache = Cache(clock=lambda: now[0])
    assert cache.sources() == [{"name": "engine", "state": "never", "age": None}]
    cache.set_stale("It cannot be reached.")
    assert cache.snapshot().source.state == "never"

    cache.set_fresh()
    now[0] += 12.34
    assert cache.sources() == [{"name": "engine", "state": "fresh", "age": 12.3}]

    cache.set_stale("It cannot be reached.")
    assert cache.sources() == [{"name": "engine", "state": "stale", "age": 12.3, "error": "It cannot be reached."}]


def test_a_new_age_is_no_change_and_a_new_state_is_told(cache):
    told = []
    cache.snapshot_and_subscribe(lambda old, new: told.append((new.source.state, new.version)))

    cache.set_fresh()
    cache.set_fresh()
    cache.set_stale("gone")

    assert told == [("fresh", 0), ("stale", 0)]


# Finding


@pytest.fixture
def snapshot(cache):
    _put_services(
        cache,
        service_json("abc1", name="web", Labels={"com.docker.stack.namespace": "shop"}),
        service_json("abd2", name="abc"),
        service_json("abd3", name="every"),
    )
    cache.put_tasks(None, tasks(task_json("t1", "abc1", NodeID="n1"), task_json("t2", "abc1")), cache.begin())
    both = [network_json("o1", "front"), network_json("l1", "front", scope="local")]
    cache.put_all("networks", decode.decode_networks(json.dumps(both).encode()), cache.begin())
    cache.set_fresh()
    return cache.snapshot()


def test_a_service_is_found_by_id_name_or_the_beginning_of_its_id(snapshot):
    assert snapshot.find_service("abc1").name == "web"
    assert snapshot.find_service("web").id == "abc1"
    assert snapshot.find_service("abd2").id == "abd2"
    assert snapshot.find_network("o1").name == "front"
    assert snapshot.find_service("x") is None
    assert snapshot.find_service("") is None


def test_a_name_wins_over_the_beginning_of_an_id(snapshot):
    assert snapshot.find_service("abc").id == "abd2"


def test_the_beginning_of_several_ids_is_refused_with_their_names(snapshot):
    with pytest.raises(Ambiguous, match="Several services have an id that begins with abd: abd2, abd3"):
        snapshot.find_service("abd")


def test_one_or_two_letters_begin_no_id(snapshot):
    assert snapshot.find_service("ab") is None
    assert snapshot.find_service("abc1").id == "abc1"


def test_an_exact_name_is_never_taken_for_the_beginning_of_an_id(snapshot):
    assert snapshot.service_named("abd") is None
    assert snapshot.service_named("web").id == "abc1"


@pytest.fixture
def attempts(cache, snapshot):
    """Tasks of ``web`` in two slots, and of ``every`` on a node whose name has dots."""
    named = node_json("n1", Description={"Hostname": "one.example.com"})
    cache.put_all("nodes", nodes(named), cache.begin())
    bodies = [
        task_json("old11", "abc1", Slot=1, state="failed", DesiredState="shutdown", CreatedAt="2026-01-03"),
        task_json("new12", "abc1", Slot=1, CreatedAt="2026-01-02"),
        task_json("8th21", "abc1", Slot=2),
        task_json("glo31", "abd3", Slot=0, NodeID="n1"),
    ]
    cache.put_tasks(None, tasks(*bodies), cache.begin())
    return cache.snapshot()


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("web.1", "new12"),
        ("web.1.old11", "old11"),
        ("web.1.ol", "old11"),
        ("web.2", "8th21"),
        ("every.one.example.com", "glo31"),
        ("every.n1", "glo31"),
        ("every.n1.glo31", "glo31"),
        ("8th", "8th21"),
    ],
)
def test_a_task_is_found_by_what_lists_call_it(attempts, name, id_):
    assert attempts.get_task(name).id == id_


@pytest.mark.parametrize("name", ["web.", "web.3", "web.1.", "web.1.8th", "web.12", "we.1", "8", ".", ""])
def test_a_task_is_not_found_by_less(attempts, name):
    assert attempts.find_task(name) is None


@pytest.mark.parametrize(
    ("wanted", "id_"), [("1", "new12"), ("web.1", "new12"), ("old", "old11"), ("8th", "8th21"), ("1.old1", "old11")]
)
def test_a_task_of_a_service_is_found_by_its_place_too(attempts, wanted, id_):
    assert attempts.get_task_of(attempts.services["abc1"], wanted).id == id_


@pytest.mark.parametrize("wanted", ["8", "glo31", "glo", "every.n1", "x"])
def test_a_service_without_such_a_task_says_which_it_has(attempts, wanted):
    with pytest.raises(NotFound, match=f"There is no task {wanted}: there are web.1, web.2."):
        attempts.get_task_of(attempts.services["abc1"], wanted)


def test_getting_what_is_not_there_says_so(snapshot):
    for get in (snapshot.get_service, snapshot.get_node, snapshot.get_network, snapshot.get_task):
        with pytest.raises(NotFound, match="nothing"):
            get("nothing")


def test_a_network_of_the_swarm_comes_before_one_of_the_node(snapshot):
    assert snapshot.network_named("front").id == "o1"


def test_tasks_and_services_are_found_by_what_they_belong_to(snapshot):
    assert [task.id for task in snapshot.tasks_of("abc1")] == ["t1", "t2"]
    assert [task.id for task in snapshot.tasks_on("n1")] == ["t1"]
    assert [service.name for service in snapshot.services_of("shop")] == ["web"]
    assert list(snapshot.stacks) == ["shop"]
    assert snapshot.find_task("t2").id == "t2"


# Laws

IDS = st.sampled_from("abcd")
VERSIONS = st.integers(1, 3)
SERVICE_LISTS = st.dictionaries(IDS, VERSIONS, max_size=4)
TASK_LISTS = st.dictionaries(st.tuples(IDS, st.sampled_from("xy")), VERSIONS, max_size=6)
WRITES = st.lists(
    st.one_of(
        st.tuples(st.just("all"), SERVICE_LISTS),
        st.tuples(st.just("some"), SERVICE_LISTS),
        st.tuples(st.just("tasks"), TASK_LISTS),
    ),
    max_size=8,
)


def _write(cache: Cache, what: str, content: dict) -> None:
    if what == "tasks":
        bodies = [task_json(service + slot, service, version) for (service, slot), version in content.items()]
        cache.put_tasks(None, tasks(*bodies), cache.begin())
        return
    records = services(*(service_json(id_, version) for id_, version in content.items()))
    if what == "all":
        cache.put_all("services", records, cache.begin())
    else:
        cache.put_some("services", "abcd", records, cache.begin())


def _content(snapshot: Snapshot) -> dict:
    return {kind: dict(getattr(snapshot, kind)) for kind in KINDS}


@given(WRITES)
def test_changes_replayed_on_a_snapshot_give_the_next(writes):
    cache = Cache()
    pairs = []
    first, _ = cache.snapshot_and_subscribe(lambda old, new: pairs.append((old, new)))

    for what, content in writes:
        _write(cache, what, content)

    replayed = first
    for old, new in pairs:
        replayed = replayed.replay(changes_between(old, new))
        assert _content(replayed) == _content(new)
    assert _content(replayed) == _content(cache.snapshot())
    assert replayed.version == cache.snapshot().version == len(pairs)


@given(WRITES, SERVICE_LISTS)
def test_after_a_list_the_copy_is_what_the_list_says(writes, last):
    cache = Cache()
    for what, content in writes:
        _write(cache, what, content)

    _write(cache, "all", last)

    snapshot = cache.snapshot()
    assert {id_: one.version for id_, one in snapshot.services.items()} == last
    assert set(snapshot.tasks) <= set(last)
