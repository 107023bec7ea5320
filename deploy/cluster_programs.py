"""What jobs of `verify_cluster.py` run: Python 3.8 or newer, standard library only."""

from __future__ import annotations

from typing import Final

GREETING: Final = "This is member {rank} of {size}."
HELLO = """
import os
print("This is member %s of %s." % (os.environ["BEDPLATE_RANK"], os.environ["BEDPLATE_WORLD_SIZE"]), flush=True)
"""
MEETING = """
import os, socket, time
rank, place = int(os.environ["BEDPLATE_RANK"]), (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
if rank == 0:
    listener = socket.create_server(("", place[1]))
    peer, _ = listener.accept()
    peer.sendall(b"met")
else:
    deadline = time.monotonic() + 90
    while True:
        try:
            peer = socket.create_connection(place, timeout=5)
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
    assert peer.recv(3) == b"met"
print("Member %d has met the other." % rank, flush=True)
"""
WAITING = """
import signal, sys, time
def leave(number, frame):
    print("Told to leave.", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("Waiting.", flush=True)
time.sleep(3600)
"""
SERVER = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["REVISION"].encode())
    def log_message(self, *said):
        pass
HTTPServer((os.environ["BEDPLATE_SERVE_HOST"], int(os.environ["BEDPLATE_SERVE_PORT"])), Handler).serve_forever()
"""
ASKING = """
import os, socket, ssl, sys, time
from urllib.parse import urlsplit
def asked(url):
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port or (80 if parts.scheme == "http" else 443)
    if not url:
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        return "nobody"
    try:
        connection = socket.create_connection((host, int(port)), timeout=10)
        if parts.scheme == "https":
            ssl.create_default_context().wrap_socket(connection, server_hostname=host)
    except OSError as error:
        return "no answer: %s" % (error or type(error).__name__)
    return "reached"
url = sys.argv[1] if len(sys.argv) > 1 else ""
for tries in range(4):
    said = asked(url)
    if said == "nobody" or (said == "reached") == bool(url):
        break
    time.sleep(2)
print("Asked: %s" % said, flush=True)
"""
"""Four times, because some network plugins take seconds until they know what a new pod may reach."""
