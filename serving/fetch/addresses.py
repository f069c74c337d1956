"""Which addresses lie on the public internet."""

from __future__ import annotations

import ipaddress

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# All unicast that is routed. Outside lie mapped IPv4 (::ffff:0:0/96), NAT64 (64:ff9b::/96), ULA, link-local.
_ROUTED_IPV6 = ipaddress.IPv6Network("2000::/3")
# The standard library calls these global, or leaves them out in some of its versions.
_NOT_PUBLIC = (
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's platform, seen from inside alone
    ipaddress.ip_network("192.0.0.0/24"),  # protocols' own, RFC 6890
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays, RFC 7526
    ipaddress.ip_network("2001::/23"),  # Teredo and other protocols' own, RFC 2928
    ipaddress.ip_network("2002::/16"),  # 6to4: holds an IPv4 address, which may be private
    ipaddress.ip_network("3fff::/20"),  # documentation, RFC 9637
)


def is_public(address: IPAddress) -> bool:
    """Whether anybody's own network can be excluded behind it.

    False for private, shared (CGNAT), loopback, link-local, multicast, reserved and unspecified addresses,
    and for every IPv6 form that carries an IPv4 address in it.
    """
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    if address.version == 6 and address not in _ROUTED_IPV6:  # noqa: PLR2004 - the protocol's number
        return False
    return not any(address in network for network in _NOT_PUBLIC if network.version == address.version)
