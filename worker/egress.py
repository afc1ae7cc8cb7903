"""Where a request may go. A tenant writes the URLs, so what is not public is refused."""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from unicodedata import normalize
from urllib.parse import urljoin, urlsplit

import httpx
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult

from worker.errors import ConfigError, TargetError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Networks = list[ipaddress.IPv4Network | ipaddress.IPv6Network]
Lookup = Callable[[str, int], Awaitable[list[str]]]


def _networks(text: str) -> Networks:
    return [ipaddress.ip_network(one) for one in text.split()]


# Written out, because what Python takes for global depends on its patch release, and has multicast
# and what nobody was given in it. Source: IANA's registries of special-purpose addresses.
_GLOBAL = _networks("0.0.0.0/0 2000::/3")
_SPECIAL = _networks(
    "0.0.0.0/8 169.254.0.0/16 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15"
    " 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 2001::/23 2001:db8::/32 2002::/16"
    " 3fff::/20"
)
_PRIVATE = _networks(
    "10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 172.16.0.0/12 192.168.0.0/16 ::1 fc00::/7"
)
# Where clouds give credentials to whoever asks, or look after their machines.
_METADATA = _networks(
    "100.100.100.200 168.63.129.16 169.254.0.23 169.254.42.42 169.254.169.254 169.254.170.2"
    " 169.254.170.23 192.0.0.192 fd00:42::42 fd00:ec2::23 fd00:ec2::254 fd20:ce::254"
)
_WRAPPING = _networks("::ffff:0:0/96 64:ff9b::/96")
_ISATAP, _ISATAP_MASK = 0x5EFE, 0xFDFFFFFF

_NAME_PATTERN = re.compile(r"\*|[\w.*-]*[^\W\d][\w.*-]*")
# 127.1, 0x7f000001, 0177.0.0.1, 2130706433: C libraries take these for an address.
_LIKE_AN_ADDRESS = re.compile(r".*[:%].*|(?:.*[.。])?(?:0x[0-9a-f]*|\d+)\.*", re.IGNORECASE)


class EgressPolicy:
    """Decides by address; names count only where the operator allowed them."""

    def __init__(self, allow: Iterable[str] = ()) -> None:
        """Take the operator's *allow* list: networks, addresses, and name patterns as ``*.lan``.

        A pattern opens private and loopback addresses only. A metadata service opens by an entry
        of its own: a network around it does not do so by accident.
        """
        entries = [entry.lower() for entry in allow]
        self._patterns = [entry for entry in entries if _NAME_PATTERN.fullmatch(entry)]
        try:
            self._networks = _networks(" ".join({*entries} - {*self._patterns}))
        except ValueError as error:
            raise ConfigError(f"ASSAY_EGRESS_ALLOW: {error}") from None
        self._single = [one for one in self._networks if one.num_addresses == 1]
        self._admits = lru_cache(maxsize=4096)(self._judge)

    def check_host(self, host: str) -> None:
        """Refuse *host* if it is an address that is not allowed; a name passes to the resolver."""
        if _LIKE_AN_ADDRESS.fullmatch(host) and not self._admits("", host):
            raise _denial(f"{host} is not a public address")

    def choose(self, name: str, addresses: Iterable[str]) -> list[str]:
        """Return those of the *addresses* of *name* that may be connected to, at least one."""
        plain = name.lower().rstrip(".")
        if allowed := [one for one in addresses if self._admits(plain, one)]:
            return allowed
        # Not which address it is: that would draw a map of the operator's network.
        raise _denial(f"{name} does not lead to a public address")

    def _judge(self, name: str, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        reached = _unwrap(address)
        if _is_in(reached, _METADATA):
            return _is_in(reached, self._single)
        if _is_in(address, self._networks) or _is_in(reached, self._networks):
            return True
        if _is_in(reached, _PRIVATE):
            return any(fnmatchcase(name, pattern) for pattern in self._patterns)
        is_tunnel = (int(reached) >> 32) & _ISATAP_MASK == _ISATAP
        return _is_in(reached, _GLOBAL) and not _is_in(reached, _SPECIAL) and not is_tunnel


class CheckedResolver(AbstractResolver):
    """Resolves names and lets only allowed addresses through: what was checked is connected to."""

    def __init__(self, policy: EgressPolicy, lookup: Lookup | None = None) -> None:
        """Resolve with *lookup*, by default the system's resolver."""
        self._policy = policy
        self._lookup = lookup or _ask_system

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the allowed addresses of *host*; raises ``TargetError`` when there is none."""
        del family  # whatever the name has, the connector tries in turn
        found = await self._lookup(host, port)
        if not found:
            raise TargetError("dns", f"the name {host} could not be resolved")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._policy.choose(host, found)
        ]

    async def close(self) -> None:
        """Nothing is held."""


def locate(url: str, base: str = "") -> yarl.URL:
    """Read *url*, relative to *base*, with its escapes left as they are.

    Raises ``TargetError`` for a host that is something else than it looks, and ``ValueError`` for
    what is no http or https address.
    """
    joined = urljoin(base, url)
    try:
        address = yarl.URL(str(httpx.URL(joined)), encoded=True)
    except httpx.InvalidURL as error:
        host = urlsplit(joined).hostname or ""
        # Full-width digits and other dots are what they look like, to browsers at least.
        plain = normalize("NFKC", host)
        if plain != host or _LIKE_AN_ADDRESS.fullmatch(plain):
            raise _denial(f"{host} is written in disguise") from None
        raise ValueError(str(error)) from None
    if address.scheme not in {"http", "https"} or not address.host:
        raise ValueError("it is no http or https address")
    return address


def _denial(said: str) -> TargetError:
    return TargetError("egress_denied", f"{said}, and the worker's operator does not allow it")


def _is_in(address: Address, networks: Networks) -> bool:
    return any(address in network for network in networks)


def _unwrap(address: Address) -> Address:
    """Return the IPv4 address that *address* stands for, or itself."""
    is_wrapped = _is_in(address, _WRAPPING)
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if is_wrapped else address


async def _ask_system(host: str, port: int) -> list[str]:
    try:
        # Not the loop's own: uvloop resolves four names at a time, and a slow one takes seconds.
        found = await asyncio.to_thread(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
