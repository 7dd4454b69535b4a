"""An independent QUIC client that knocks at a daemon with whatever certificate it is given.

Standard input: one JSON object {"port", "server_name", "cases": [{"name", "local", "cert", "key", "purpose"}]};
cert and key may be null. Each case is one connection from the loopback address `local`: it says hello with
`purpose`, then asks for the hosts and to resolve alert 1 as an operator would, and notes everything that comes
back. Standard output: one JSON object a case, {"name", "handshake", "streams", "closed"}.

The frames are made here from the documentation alone: 8 bytes of header (kind, version, flags, length, little-endian)
and a body of variable-length integers.
"""

import asyncio
import json
import ssl
import struct
import sys

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

HELLO, STREAM_OPEN, HOSTS_QUERY, RESOLVE = 1, 3, 81, 87
STREAM_HELLO, STREAM_REQUEST = 1, 7
PURPOSES = {"main": 1, "console": 3}
PATIENCE_S = 10.0
# How long an open connection is listened to after all was said.
LISTEN_S = 2.0


def number(value):
    """An unsigned integer, as the bodies have it."""
    if value < 251:
        return bytes([value])
    if value < 1 << 16:
        return b"\xfb" + struct.pack("<H", value)
    if value < 1 << 32:
        return b"\xfc" + struct.pack("<I", value)
    return b"\xfd" + struct.pack("<Q", value)


def signed(value):
    """A signed integer: zigzag, then as an unsigned one."""
    return number(value * 2 if value >= 0 else -value * 2 - 1)


def text(value):
    raw = value.encode()
    return number(len(raw)) + raw


def frame(kind, version, body):
    return struct.pack("<BBHI", kind, version, 0, len(body)) + body


def hello(purpose):
    body = bytes([1, 1])  # lowest and highest version
    body += text("foreign 1.0") + number(PURPOSES[purpose])
    body += number(4711)  # instance
    body += bytes(16)  # boot id
    body += number(0)  # spool epoch
    body += number(1) + number(1) + signed(1_700_000_000_000)  # the three clocks
    body += text("somewhere") + number(0)  # os, no labels
    return frame(STREAM_OPEN, 0, number(STREAM_HELLO)) + frame(HELLO, 0, body)


def request(kind, body):
    return frame(STREAM_OPEN, 1, number(STREAM_REQUEST)) + frame(kind, 1, body)


class Knocker(QuicConnectionProtocol):
    """Notes what the daemon lets through and how it ends."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.handshake = False
        self.streams = {}
        self.closed = None
        self.connected = asyncio.Event()
        self.ended = asyncio.Event()

    def quic_event_received(self, event):
        if isinstance(event, events.HandshakeCompleted):
            self.handshake = True
            self.connected.set()
        elif isinstance(event, events.StreamDataReceived):
            key = str(event.stream_id)
            self.streams[key] = self.streams.get(key, "") + event.data.hex()
        elif isinstance(event, events.ConnectionTerminated):
            self.closed = {"code": event.error_code, "reason": event.reason_phrase,
                           "application": event.frame_type is None}
            self.connected.set()
            self.ended.set()

    def knock(self, purpose):
        for data in [hello(purpose), request(HOSTS_QUERY, number(0)),
                     request(RESOLVE, number(1) + number(1) + number(0) + text("mine now"))]:
            stream = self._quic.get_next_available_stream_id()
            self._quic.send_stream_data(stream, data)
        self.transmit()


async def attempt(setting, case):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=["systole/1"],
                                      verify_mode=ssl.CERT_NONE, server_name=setting["server_name"])
    if case["cert"]:
        configuration.load_cert_chain(case["cert"], case["key"])
    loop = asyncio.get_running_loop()
    transport, knocker = await loop.create_datagram_endpoint(
        lambda: Knocker(QuicConnection(configuration=configuration)), local_addr=(case["local"], 0))
    knocker.connect(("127.0.0.1", setting["port"]))
    await asyncio.wait_for(knocker.connected.wait(), PATIENCE_S)
    if knocker.closed is None:
        knocker.knock(case["purpose"])
    try:
        await asyncio.wait_for(knocker.ended.wait(), LISTEN_S)
    except asyncio.TimeoutError:
        pass
    knocker.close()
    transport.close()
    return {"name": case["name"], "handshake": knocker.handshake, "streams": knocker.streams,
            "closed": knocker.closed}


async def main():
    setting = json.load(sys.stdin)
    for case in setting["cases"]:
        print(json.dumps(await attempt(setting, case)), flush=True)


asyncio.run(main())
