"""What is not public is refused, however it is written."""

import pytest

from worker.egress import CheckedResolver, EgressPolicy, locate
from worker.errors import ConfigError, TargetError

METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
]
PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "::1",
    "fd12::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "64:ff9b::127.0.0.1",
]
SPECIAL = [
    "0.0.0.0",  # noqa: S104 - refused, not bound
    "0.1.2.3",
    "169.254.1.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::127.0.0.1",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001:0:53aa:64c:0:0:80ff:fffe",
    "2001:db8::1",
    "2002:7f00:1::",
    "2606:4700::5efe:10.0.0.1",
    "2606:4700::200:5efe:10.0.0.1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
DISGUISED = [
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "127.1",
    "127.0.1",
    "00.0.0.0",
    "127.0.0.1.",
    "127%2e0%2e0%2e1",
    "1.2.3.4.5",
    "name.0x7f",
]
PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]


@pytest.mark.parametrize("address", [*METADATA, *PRIVATE, *SPECIAL, *DISGUISED])
def test_addresses_that_are_not_public_are_denied(address: str) -> None:
    """As a host in the URL, and as what a name resolves to."""
    policy = EgressPolicy()

    with pytest.raises(TargetError, match="is not a public address") as denied:
        policy.check_host(address)
    with pytest.raises(TargetError, match="does not lead to a public address"):
        policy.choose("name.test", [address])
    assert denied.value.category == "egress_denied"


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    """Nothing is asked of what everybody can reach."""
    EgressPolicy().check_host(address)


@pytest.mark.parametrize("host", DISGUISED)
def test_an_address_in_disguise_is_denied_even_where_all_is_allowed(host: str) -> None:
    """Nobody writes these by accident."""
    with pytest.raises(TargetError):
        EgressPolicy(["0.0.0.0/0", "::/0", "*"]).check_host(host)


def test_a_network_can_be_allowed() -> None:
    """In any of the spellings that lead into it, and nothing beside it."""
    policy = EgressPolicy(["127.0.0.0/8", "169.254.1.1", "2002::/16"])

    policy.check_host("127.0.0.1")
    policy.check_host("::ffff:127.0.0.1")
    policy.check_host("169.254.1.1")
    policy.check_host("2002:7f00:1::")
    with pytest.raises(TargetError):
        policy.check_host("10.0.0.1")


@pytest.mark.parametrize("address", METADATA)
def test_a_metadata_service_opens_by_its_own_address_only(address: str) -> None:
    """A network or a pattern around it would do so by accident."""
    wide = ["0.0.0.0/0", "::/0", "169.254.0.0/16", "fd00::/8", "64:ff9b::/96", "*", "*.test"]

    with pytest.raises(TargetError):
        EgressPolicy(wide).choose("name.test", [address])
    with pytest.raises(TargetError):
        EgressPolicy(wide).check_host(address)

    EgressPolicy(["169.254.169.254"]).check_host("169.254.169.254")


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_pattern_opens_private_addresses(address: str) -> None:
    """For the names it matches only, whatever their case and however they end."""
    policy = EgressPolicy(["*.Lan"])

    assert policy.choose("Api.lan.", [address]) == [address]
    for name in ("api.test", "lan", "api.lan.test", ""):
        with pytest.raises(TargetError):
            policy.choose(name, [address])
    with pytest.raises(TargetError):
        policy.check_host(address)


@pytest.mark.parametrize("address", SPECIAL)
def test_a_name_pattern_opens_nothing_else(address: str) -> None:
    """Link-local, multicast and reserved addresses take a network."""
    with pytest.raises(TargetError):
        EgressPolicy(["*", "*.lan"]).choose("api.lan", [address])


def test_a_star_opens_private_addresses_as_such_too() -> None:
    """Every name, and none."""
    EgressPolicy(["*"]).check_host("10.0.0.1")


@pytest.mark.parametrize("entry", ["10.0.0.0/99", "10.0.0.1/8", "10.*", "[::1]", "a.b/8", "x y"])
def test_an_entry_that_is_neither_is_a_configuration_error(entry: str) -> None:
    """Said at start; 10.* would let in 10.evil.test."""
    with pytest.raises(ConfigError, match="ASSAY_EGRESS_ALLOW"):
        EgressPolicy([entry])


async def test_a_name_is_judged_by_all_it_resolves_to() -> None:
    """Only the addresses that are allowed are left to connect to."""

    async def several(_host: str, _port: int) -> list[str]:
        return ["10.0.0.1", "1.1.1.1", "::1", "169.254.169.254"]

    found = await CheckedResolver(EgressPolicy(), several).resolve("api.test", 443)

    assert [one["host"] for one in found] == ["1.1.1.1"]


async def test_a_denial_does_not_tell_what_a_name_resolves_to() -> None:
    """A tenant could draw a map of the operator's network."""

    async def inside(_host: str, _port: int) -> list[str]:
        return ["10.20.30.40"]

    with pytest.raises(TargetError) as denied:
        await CheckedResolver(EgressPolicy(), inside).resolve("db.internal", 443)

    assert str(denied.value) == (
        "db.internal does not lead to a public address, and the worker's operator does not allow it"
    )


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


@pytest.mark.parametrize(
    ("url", "base", "read"),
    [
        ("http://a.test", "", "http://a.test"),
        ("HTTP://A.test:80/%7e?q=%2F é#x", "", "http://a.test/%7e?q=%2F%20%C3%A9#x"),
        ("https://bücher.test/", "", "https://xn--bcher-kva.test/"),
        ("../c?d", "http://a.test:8080/x/b", "http://a.test:8080/c?d"),
        ("//b.test/", "https://a.test/", "https://b.test/"),
    ],
)
def test_a_url_is_read_as_browsers_do(url: str, base: str, read: str) -> None:
    """Escapes are left as they are."""
    assert str(locate(url, base)) == read


@pytest.mark.parametrize("url", ["ftp://a/", "mailto:a@b", "/path", "http://", "http://a:99999/"])
def test_what_is_no_address_of_the_web_is_no_url(url: str) -> None:
    """The caller knows whose fault it is."""
    with pytest.raises(ValueError, match=r"."):
        locate(url)
