"""Seals and opens ESP tunnel mode packets with scapy, one request per line.

A request is a line of words:

    seal CIPHER HMAC KEY HMAC-KEY SPI SEQUENCE ESN UDP IV ID FLAGS TOS INNER
    open CIPHER HMAC KEY HMAC-KEY SPI SEQUENCE ESN UDP OUTER

Numbers are decimal, byte strings hexadecimal ("-" is empty). SEQUENCE has 64 bits, ESN and UDP are
0 or 1. The answer is the outer or the inner packet, hexadecimal, or "error" and its text.

scapy 2.5 knows extended sequence numbers with AEAD only; with an HMAC the ICV comes from Python's
own `hmac` (RFC 4303 section 2.2.1: the high half stands behind the text).
"""

import hashlib
import hmac
import struct
import sys

from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import raw

LOCAL, REMOTE = "192.0.2.1", "198.51.100.1"
PORTS = (4500, 33000)
HASHES = {
    "HMAC-MD5-96": (hashlib.md5, 12),
    "HMAC-SHA1-96": (hashlib.sha1, 12),
    "SHA2-256-128": (hashlib.sha256, 16),
    "SHA2-384-192": (hashlib.sha384, 24),
    "SHA2-512-256": (hashlib.sha512, 32),
}


def octets(word):
    return b"" if word == "-" else bytes.fromhex(word)


class Request:
    def __init__(self, words):
        self.verb, self.cipher, self.hmac = words[:3]
        self.key, self.hmac_key = octets(words[3]), octets(words[4])
        self.spi, self.sequence = int(words[5]), int(words[6])
        self.esn, self.udp = words[7] == "1", words[8] == "1"
        self.rest = words[9:]
        self.high, self.low = self.sequence >> 32, self.sequence & 0xFFFFFFFF
        # scapy leaves the high half out of an HMAC: it is added here.
        self.own_icv = self.esn and self.hmac != "NULL"

    def association(self, header):
        return SecurityAssociation(
            ESP,
            spi=self.spi,
            crypt_algo=self.cipher,
            crypt_key=self.key,
            auth_algo=None if self.own_icv or self.hmac == "NULL" else self.hmac,
            auth_key=self.hmac_key,
            tunnel_header=header,
            nat_t_header=UDP(sport=PORTS[0], dport=PORTS[1]) if self.udp else None,
        )

    def icv(self, esp):
        function, length = HASHES[self.hmac]
        text = esp + struct.pack("!L", self.high)
        return hmac.new(self.hmac_key, text, function).digest()[:length]

    def seal(self):
        iv, identification, flags, tos, inner = self.rest
        header = IP(src=LOCAL, dst=REMOTE, ttl=64, tos=int(tos), id=int(identification))
        header.flags = int(flags)
        outer = raw(
            self.association(header).encrypt(
                IP(octets(inner)),
                seq_num=self.low,
                iv=octets(iv),
                esn_en=self.esn,
                esn=self.high,
            )
        )
        start = 28 if self.udp else 20
        if self.own_icv:
            outer += self.icv(outer[start:])
        header = IP(outer[:20])
        header.len = len(outer)
        del header.chksum
        outer = raw(header) + outer[20:]
        if self.udp:
            # scapy 2.5 fills this length in before ESP is there.
            outer = outer[:24] + struct.pack("!H", len(outer) - 20) + outer[26:]
        return outer

    def open(self):
        outer = octets(self.rest[0])
        association = self.association(IP(src=LOCAL, dst=REMOTE))
        if self.own_icv:
            start = 28 if self.udp else 20
            length = HASHES[self.hmac][1]
            outer, icv = outer[:-length], outer[-length:]
            if self.icv(outer[start:]) != icv:
                raise ValueError("the ICV differs")
            # What is left is not authenticated as far as scapy knows; its length must fit.
            header = IP(outer[:20])
            header.len = len(outer)
            outer = raw(header) + outer[20:]
            if self.udp:
                outer = outer[:24] + struct.pack("!H", len(outer) - 20) + outer[26:]
        return raw(association.decrypt(IP(outer), esn_en=self.esn, esn=self.high))


def answer(line):
    request = Request(line.split())
    packet = request.seal() if request.verb == "seal" else request.open()
    return packet.hex()


for line in sys.stdin:
    try:
        print(answer(line))
    except Exception as error:  # The other side reports it with its own context.
        print("error", repr(error))
