"""What the pods may reach: in production by address, and everywhere only what their settings name."""

import ipaddress

from deploy.k8s.house_rules import Manifest, containers, environment, our_workloads, selects

import billing_gateway.__main__
import outage_notifier.__main__
import repair_intake.__main__

READ = {
    each.SERVICE.name: each.SERVICE.settings()
    for each in (outage_notifier.__main__, repair_intake.__main__, billing_gateway.__main__)
}
PLACEHOLDERS = ipaddress.ip_network("192.0.2.0/24")
"""RFC 5737: nobody's, so that what was not filled in reaches nobody."""


def _policy(manifests: list[Manifest], name: str) -> Manifest:
    (policy,) = [each for each in manifests if each["kind"] == "NetworkPolicy" and each["metadata"]["name"] == name]
    return policy


def _reaching(manifests: list[Manifest], policy: str) -> set[str]:
    selector = _policy(manifests, policy)["spec"]["podSelector"]
    return {name for name, pod in our_workloads(manifests) if selects(selector, pod["metadata"]["labels"])}


def _reading(manifests: list[Manifest], setting: str) -> set[str]:
    return {
        name
        for name, pod in our_workloads(manifests)
        if setting
        in READ[pod["metadata"]["labels"]["app.kubernetes.io/name"]][containers(pod)[0]["args"][0]].model_fields
    }


def test_servers_only_where_read(manifests: list[Manifest]):
    """The database and the brokers are reached by the processes whose settings name them, and by no other."""
    databases = _reading(manifests, "database_url") | _reading(manifests, "database_owner_url")
    assert _reaching(manifests, "database-out") == databases
    assert _reaching(manifests, "brokers-out") == _reading(manifests, "kafka_bootstrap")


def test_production_names_addresses(prod: list[Manifest]):
    """In production every way out names where to, and none leads to private networks at large."""
    for policy in (each for each in prod if each["kind"] == "NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            assert rule["to"], policy["metadata"]["name"]
            for block in (each["ipBlock"] for each in rule["to"] if "ipBlock" in each):
                network = ipaddress.ip_network(block["cidr"])
                excepted = {ipaddress.ip_network(each) for each in block.get("except", [])}
                private = [ipaddress.ip_network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "169.254.0.0/16")]
                assert network.subnet_of(PLACEHOLDERS) or set(private) <= excepted


def test_production_trusts_few_proxies(prod: list[Manifest]):
    """The networks whose word production takes for a payer's address are small: no pod's neighbours are in them."""
    for _, pod in our_workloads(prod):
        given = environment(prod, containers(pod)[0])["GRIDCARE_TRUSTED_PROXIES"] or ""
        assert all(ipaddress.ip_network(each).prefixlen >= 24 for each in given.split(","))
