"""Nothing is public: no bucket, no address, no open network, and no port but those of the table."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.deploy import hcl
from tests.deploy.planned import Plan, Resource

BLOCKS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
PUBLIC_TYPES = ("aws_internet_gateway", "aws_nat_gateway", "aws_eip", "aws_egress_only_internet_gateway")
PUBLIC_SWITCHES = ("map_public_ip_on_launch", "assign_public_ip", "publicly_accessible", "associate_public_ip_address")
OPEN = ("0.0.0.0/0", "::/0")

# Of the service behind the security group: what may come in.
PORTS = {"endpoints": {443}, "warehouse": {5439}, "sftp": {22}}

# A network ACL knows no prefix lists, so S3's and DynamoDB's addresses cannot be named in it. What may meet all
# addresses is what goes to their port, and what comes back to a port that the client chose: none that is listened on.
LISTENING = {22, 3389, 5439}


def public_buckets(plan: Plan) -> Iterator[str]:
    blocked = {
        plan.owner(one.values["bucket"], "aws_s3_bucket")
        for one in plan.of("aws_s3_bucket_public_access_block")
        if _blocks(one)
    }
    for bucket in plan.of("aws_s3_bucket"):
        if bucket not in blocked:
            yield f"{bucket.address}: public access is not blocked by all of {', '.join(BLOCKS)}"


def _blocks(resource: Resource) -> bool:
    return all(resource.values[name] is True for name in BLOCKS)


def public_addresses(plan: Plan) -> Iterator[str]:
    for resource in plan.resources:
        if resource.type in PUBLIC_TYPES:
            yield f"{resource.address}: a way to the internet"
        for switch in hcl.found(resource.values, PUBLIC_SWITCHES):
            if switch is True:
                yield f"{resource.address}: has a public address"
        if '"AssignPublicIp":"ENABLED"' in resource.values.get("definition", "").replace(" ", ""):
            yield f"{resource.address}: its tasks have a public address"
    for server in plan.of("aws_transfer_server"):
        if server.values["endpoint_type"] != "VPC" or server.block("endpoint_details").get("address_allocation_ids"):
            yield f"{server.address}: SFTP is reached from the internet, endpoint_type VPC without addresses is meant"


def open_networks(plan: Plan) -> Iterator[str]:
    for resource in plan.resources:
        if resource.type == "aws_network_acl_rule":
            yield from _open_acl(resource)
        elif any(text in OPEN for text in hcl.texts(resource.values)):
            yield f"{resource.address}: names all addresses"


def _open_acl(rule: Resource) -> Iterator[str]:
    first, last = rule.values["from_port"], rule.values["to_port"]
    everyone = rule.values["cidr_block"] in OPEN or rule.values["ipv6_cidr_block"] in OPEN
    calls = rule.values["egress"] and first == last == 443
    answers = not rule.values["egress"] and first >= 1024 and not LISTENING & set(range(first, last + 1))
    if rule.values["rule_action"] == "allow" and everyone and not (calls or answers):
        yield f"{rule.address}: ports {first} to {last} from or to all addresses"


def open_ports(plan: Plan) -> Iterator[str]:
    for rule in plan.of("aws_vpc_security_group_ingress_rule"):
        group = plan.owner(rule.values["security_group_id"])
        service = group.index if group else ""
        allowed, first, last = PORTS.get(service, set()), rule.values["from_port"], rule.values["to_port"]
        if first != last or first not in allowed:
            yield f"{rule.address}: lets ports {first} to {last} into {service}, {sorted(allowed) or 'none'} may"
    for group in plan.of("aws_security_group"):
        if group.said("ingress") or group.said("egress"):
            yield f"{group.address}: has rules inside, where this check does not look"


def open_policies(plan: Plan) -> Iterator[str]:
    """Allow to everybody needs a condition that narrows who that is; an endpoint's policy grants nothing by itself."""
    for resource, attribute, document in plan.policies:
        for statement in document["Statement"]:
            everybody = statement.get("Principal") in ("*", {"AWS": "*"})
            passes = resource.type == "aws_vpc_endpoint" and statement["Resource"] != "*"
            if everybody and statement["Effect"] == "Allow" and not statement.get("Condition") and not passes:
                action = json.dumps(statement["Action"])
                yield f"{resource.address}.{attribute}: {statement.get('Sid')} allows {action} to everybody"
