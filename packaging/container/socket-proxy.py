#!/usr/bin/python3
"""Plays the socket proxy of examples/agent.compose.yaml for check.sh: permits GET requests whose path matches the example's
pattern, and prints each one that it denies. Usage: socket-proxy.py COMPOSE-FILE ENGINE-SOCKET SOCKET"""

import re
import socket
import sys
import threading


def serve(client, engine, pattern):
    try:
        with client, socket.socket(socket.AF_UNIX) as server:
            forward(client, server, engine, pattern)
    except OSError:
        pass  # The client is gone, as at the end of an event stream.


def forward(client, server, engine, pattern):
    head = b""
    while b"\r\n\r\n" not in head:
        part = client.recv(65536)
        if not part:
            return
        head += part
    line, _, rest = head.partition(b"\r\n")
    method, target, _ = line.decode().split(" ")
    if method != "GET" or not pattern.fullmatch(target.partition("?")[0]):
        print(f"denied {method} {target}", flush=True)
        client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return
    server.connect(engine)
    # One request for each connection, so that none passes unseen behind another.
    server.sendall(line + b"\r\nConnection: close\r\n" + re.sub(rb"(?i)connection:.*\r\n", b"", rest))
    while part := server.recv(65536):
        client.sendall(part)


def main(file, engine, path):
    [pattern] = re.findall(r"- -allowGET=(.+)", open(file).read())
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    while True:
        threading.Thread(target=serve, args=[listener.accept()[0], engine, re.compile(pattern)], daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
