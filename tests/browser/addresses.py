"""Every page of the panel, with what there is to see of :meth:`tests.browser.simulated.Simulated.furnish`."""

from __future__ import annotations

from tests.browser.simulated import LONG, NODES, STACKS, TEAM
from tests.swarm.server import Server

# What each is called in names of pictures and of tests, and where it is. {task}, {operation} and so on are found out.
ADDRESSES = {
    "dashboard": "/",
    "stacks": "/stacks",
    "stacks-filtered": "/stacks?q=nothing",
    "stack": "/stacks/shop",
    "stack-tasks": "/stacks/shop?tab=tasks",
    "stack-networks": "/stacks/shop?tab=networks",
    "stack-configs": "/stacks/shop?tab=configs",
    "stack-secrets": "/stacks/shop?tab=secrets",
    "stack-file": "/stacks/shop?tab=file",
    "stack-paused": "/stacks/payments",
    "stack-long": f"/stacks/{LONG}",
    "stack-gone": "/stacks/nowhere",
    "stack-new": "/stacks/-/new",
    "stack-sample": "/stacks/-/new?sample=1",
    "stack-deploy": "/stacks/shop/deploy",
    "services": "/services",
    "service": "/services/shop_web",
    "service-updating": "/services/shop_api",
    "service-rolled-back": "/services/payments_gateway",
    "service-long": f"/services/{LONG}_messaging-dispatcher",
    "service-gone": "/services/nowhere",
    "service-new": "/services/-/new",
    "service-edit": "/services/shop_web/edit",
    "tasks": "/tasks",
    "task": "/tasks/{task}",
    "task-failed": "/tasks/{failed_task}",
    "task-gone": "/tasks/nowhere",
    "nodes": "/nodes",
    "node": f"/nodes/{NODES[0]}",
    "node-down": f"/nodes/{NODES[2]}",
    "node-long": f"/nodes/{NODES[5]}",
    "node-gone": "/nodes/nowhere",
    "operations": "/operations",
    "operation-running": "/operations/{running}",
    "operation-failed": "/operations/{rolled_back}",
    "operation-gone": "/operations/nowhere",
    "plan": "/plans/{plan}",
    "plugins": "/plugins",
    "plugin": "/plugins/orchestration",
    "settings": "/settings",
    "database": "/database",
    "stack-revisions": "/stack-revisions",
    "revisions-of-a-stack": "/stacks/shop?tab=revisions",
    "task-history": "/task-history",
    "why-a-task-died": "/tasks/{failed_task}?tab=why",
    "timeline": "/timeline",
    "timeline-filtered": "/timeline?kind=operation.*&stack=shop",
    "timeline-line": "/timeline/{line}",
    "timeline-gone": "/timeline/999999999",
    "welcome": "/welcome",
    "profile-none": "/profile",
    "users": "/access/users",
    "users-filtered": "/access/users?state=disabled",
    "user": "/access/users/bob",
    "user-gone": "/access/users/nowhere",
    "service-accounts": "/access/service-accounts",
    "service-account": "/access/service-accounts/pipeline?tab=tokens",
    "groups": "/access/groups",
    "group": "/access/groups/shop-team",
    "group-long": f"/access/groups/{TEAM}",
    "roles": "/access/roles",
    "role": "/access/roles/operator",
    "role-new": "/access/roles/-/new?like=deployer",
    "role-edit": "/access/roles/deployer/edit",
    "grants": "/access/grants",
    "rights": "/access/rights?account=bob&kind=stack&name=shop",
    "rights-of-nobody": "/access/rights",
    "quotas": "/access/quotas",
    "nowhere": "/no/such/page",
}


def find_addresses(server: Server) -> dict[str, str]:
    """Return where each page of a furnished server is."""
    operations = server.ask("GET", "/operations?limit=100")[1]["items"]
    tasks = server.ask("GET", "/tasks?limit=1000")[1]["items"]

    def operation(target: str, kind: str = "service.image") -> str:
        return next(str(each["id"]) for each in operations if (each["target"], each["kind"]) == (target, kind))

    lines = server.ask("GET", "/timeline?kind=operation.started&stack=shop&limit=1")[1]["items"]
    found = {
        "line": lines[0]["number"],
        "task": next(each["ID"] for each in tasks if each["state"] == "running"),
        "failed_task": next(each["ID"] for each in tasks if each["state"] == "failed"),
        "running": operation("shop_api"),
        "rolled_back": operation("payments_gateway"),
        "plan": server.plan("payments", STACKS["payments"].replace("replicas: 3", "replicas: 5"))["id"],
    }
    return {name: address.format_map(found) for name, address in ADDRESSES.items()}
