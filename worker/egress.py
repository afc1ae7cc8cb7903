"""Where a request may go. A tenant writes the URLs, so what is not public is refused."""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

from aiohttp.abc import AbstractResolver, ResolveResult

from worker.errors import ConfigError, TargetError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup = Callable[[str, int], Awaitable[list[str]]]

# 127.1, 0x7f000001, 0177.0.0.1, 2130706433: spellings that C libraries take for an address.
_NUMERIC_HOST = re.compile(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+)){0,3}\.?", re.IGNORECASE)
_NAT64 = ipaddress.ip_network("64:ff9b::/32")
_COMPATIBLE = ipaddress.ip_network("::/96")
_ISATAP = 0x5EFE


class EgressPolicy:
    """Decides by address; names count only where the operator allowed them."""

    def __init__(self, allow: Iterable[str] = ()) -> None:
        """Take the operator's *allow* list: networks, addresses, and host patterns as ``*.lan``.

        A pattern opens private and loopback addresses, not link-local ones: the metadata
        services of clouds live there, and opening those takes a network.
        """
        self._networks = []
        self._patterns = []
        for entry in allow:
            if "/" in entry or _parse(entry):
                try:
                    self._networks.append(ipaddress.ip_network(entry))
                except ValueError as error:
                    raise ConfigError(f"ASSAY_EGRESS_ALLOW: {error}") from None
            else:
                self._patterns.append(entry.lower())
        self._admits = lru_cache(maxsize=4096)(self._judge)

    def check_host(self, host: str) -> None:
        """Refuse *host* if it is an address that is not allowed, or one in disguise.

        A name passes here: it is judged by what it resolves to.
        """
        if address := _parse(host):
            self.check_address(host, str(address))
        elif _NUMERIC_HOST.fullmatch(host):
            raise TargetError("egress_denied", f"{host} is an address written in disguise")

    def check_address(self, host: str, address: str) -> None:
        """Refuse to connect to *address* on behalf of *host*."""
        if not self._admits(host.lower(), address):
            shown = host if host == address else f"{host} ({address})"
            message = f"{shown} is not a public address, nor in the worker's ASSAY_EGRESS_ALLOW"
            raise TargetError("egress_denied", message)

    def _judge(self, host: str, address: str) -> bool:
        is_named = any(fnmatchcase(host, pattern) for pattern in self._patterns)
        return all(
            any(inner in network for network in self._networks)
            or (not _is_special(inner) and (is_named or inner.is_global))
            for inner in _carried(ipaddress.ip_address(address))
        )


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
        failure = TargetError("dns", f"the name {host} could not be resolved")
        allowed: list[ResolveResult] = []
        for address in await self._lookup(host, port):
            try:
                self._policy.check_address(host, address)
            except TargetError as denied:
                failure = denied
                continue
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            proto, flags = socket.IPPROTO_TCP, socket.AI_NUMERICHOST
            allowed.append(
                ResolveResult(
                    hostname=host, host=address, port=port, family=family, proto=proto, flags=flags
                )
            )
        if not allowed:
            raise failure
        return allowed

    async def close(self) -> None:
        """Nothing is held."""


@lru_cache(maxsize=4096)
def _parse(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_special(address: Address) -> bool:
    """Tell whether *address* is one that no name may open."""
    is_site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    flags = (address.is_link_local, address.is_multicast, address.is_unspecified, is_site_local)
    return any(flags)


def _carried(address: Address) -> list[Address]:
    """Return what a packet to *address* may reach: itself, and an IPv4 address wrapped in it."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    number = int(address)
    wrapped: list[Address] = [address, *(address.teredo or ())]
    if address.sixtofour:
        wrapped.append(address.sixtofour)
    is_low = address in _NAT64 or (address in _COMPATIBLE and number > 1)
    if is_low or (number >> 32) & 0xFFFF == _ISATAP:
        wrapped.append(ipaddress.IPv4Address(number & 0xFFFFFFFF))
    return wrapped


async def _ask_system(host: str, port: int) -> list[str]:
    try:
        # Not the loop's own: uvloop resolves four names at a time, and a slow one takes seconds.
        found = await asyncio.to_thread(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
