"""What is not public is refused, however it is written."""

import pytest

from worker.egress import CheckedResolver, EgressPolicy
from worker.errors import ConfigError, TargetError

DENIED = [
    "127.0.0.1",
    "127.255.255.254",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 - refused, not bound
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fec0::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "2002:7f00:1::",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "2001:db8::5efe:10.0.0.1",
]
DISGUISED = ["2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.1", "00.0.0.0"]
PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"]


@pytest.mark.parametrize("address", DENIED)
def test_addresses_that_are_not_public_are_denied(address: str) -> None:
    """As a host in the URL, and as what a name resolves to."""
    policy = EgressPolicy()

    with pytest.raises(TargetError, match="not a public address"):
        policy.check_host(address)
    with pytest.raises(TargetError, match="not a public address"):
        policy.check_address("name.test", address)


@pytest.mark.parametrize("host", DISGUISED)
def test_an_address_in_disguise_is_denied(host: str) -> None:
    """Even of a network that is allowed: nobody writes these by accident."""
    with pytest.raises(TargetError, match="disguise") as denied:
        EgressPolicy(["127.0.0.0/8"]).check_host(host)
    assert denied.value.category == "egress_denied"


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    """Nothing is asked of what everybody can reach."""
    EgressPolicy().check_host(address)


def test_a_network_can_be_allowed() -> None:
    """In any of the spellings that lead into it, and nothing beside it."""
    policy = EgressPolicy(["127.0.0.0/8", "169.254.169.254"])

    policy.check_host("127.0.0.1")
    policy.check_host("::ffff:127.0.0.1")
    policy.check_host("169.254.169.254")
    with pytest.raises(TargetError):
        policy.check_host("10.0.0.1")


def test_a_name_pattern_opens_private_addresses() -> None:
    """For the names it matches only, whatever their case."""
    policy = EgressPolicy(["*.lan"])

    policy.check_address("Api.Lan", "10.0.0.1")
    with pytest.raises(TargetError):
        policy.check_address("api.test", "10.0.0.1")


def test_no_name_opens_the_metadata_service() -> None:
    """A pattern would do it by accident; a network does it on purpose."""
    with pytest.raises(TargetError):
        EgressPolicy(["*"]).check_address("api.lan", "169.254.169.254")


def test_a_network_that_is_none_is_a_configuration_error() -> None:
    """Said at start."""
    with pytest.raises(ConfigError, match="ASSAY_EGRESS_ALLOW"):
        EgressPolicy(["10.0.0.0/99"])


async def test_a_name_is_judged_by_all_it_resolves_to() -> None:
    """Only the addresses that are allowed are left to connect to."""

    async def both(_host: str, _port: int) -> list[str]:
        return ["10.0.0.1", "1.1.1.1", "::1"]

    found = await CheckedResolver(EgressPolicy(), both).resolve("api.test", 443)

    assert [one["host"] for one in found] == ["1.1.1.1"]


async def test_a_name_without_an_address_is_a_dns_error() -> None:
    """Not an egress error: nothing was denied."""

    async def nothing(_host: str, _port: int) -> list[str]:
        return []

    with pytest.raises(TargetError, match="could not be resolved") as failure:
        await CheckedResolver(EgressPolicy(), nothing).resolve("nowhere.test", 80)
    assert failure.value.category == "dns"


async def test_the_systems_resolver_is_asked_by_default() -> None:
    """And what it says about localhost is denied."""
    with pytest.raises(TargetError) as denied:
        await CheckedResolver(EgressPolicy()).resolve("localhost", 80)
    assert denied.value.category == "egress_denied"
