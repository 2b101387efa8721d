"""The calls that operator, control plane and shards made in the tests before, against the rights the chart gives them."""

import collections
import json

from conftest import NAMESPACE, RELEASE
from kubernetes import cluster, kubectl

COMPONENTS = ["operator", "controlplane", "shard"]


def calls():
    """{component: {(group, resource or resource/subresource, verb)}}, and what was refused."""
    used, refused = collections.defaultdict(set), []
    with open(f"{cluster('folder').strip()}/logs/audit.log", encoding="utf-8") as log:
        for line in log:
            event = json.loads(line)
            user, place = event["user"]["username"], event.get("objectRef")
            component = user.removeprefix(f"system:serviceaccount:{NAMESPACE}:{RELEASE}-")
            if component not in COMPONENTS or not place:
                continue
            resource = "/".join(filter(None, [place["resource"], place.get("subresource")]))
            call = (place.get("apiGroup", ""), resource, event["verb"])
            used[component].add(call)
            if event.get("responseStatus", {}).get("code") == 403:
                refused.append((component, *call))
    return used, refused


def granted(component):
    roles = json.loads(kubectl("get", "roles,clusterroles", "-A", "-o", "json", "-l",
                               f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component={component}"))["items"]
    return {(group, resource, verb) for role in roles for rule in role["rules"]
            for group in rule["apiGroups"] for resource in rule["resources"] for verb in rule["verbs"]}


def test_nobody_was_refused_anything(release):
    assert not calls()[1]


def test_rights_that_no_test_used_are_few(release):
    """Prints them: what stays unused after every test here has run is to be taken out of the chart, or a test is missing."""
    used, _ = calls()
    unused = {component: sorted(granted(component) - used[component]) for component in COMPONENTS}
    for component, rights in unused.items():
        # A watch implies its list, which WatchList makes superfluous where the API server has it; finalizers are set through
        # ownerReferences, and an apply that makes something needs create, which the audit log shows as a patch.
        for group, resource, verb in rights:
            if verb not in ("list", "get", "create") and "/finalizers" not in resource:
                print(f"not used: {component} {verb} {group or 'core'}/{resource}")
    assert all(used[component] for component in COMPONENTS)
