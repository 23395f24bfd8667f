"""A FastCGI responder of the tests' own: it records what a web server sends it."""

import os
import socket
import struct
import threading
from dataclasses import dataclass, field

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6
HEADER = struct.Struct(">BBHHBx")


@dataclass
class Request:
    keep: bool
    first: bool = True  # on its connection
    params: dict = field(default_factory=dict)  # name: every value that came
    body: bytes = b""


def read_lengths(data, at):
    lengths = []
    for _ in range(2):
        if data[at] < 128:
            lengths.append(data[at])
            at += 1
        else:
            lengths.append(struct.unpack(">I", data[at : at + 4])[0] & 0x7FFFFFFF)
            at += 4
    return lengths, at


def read_params(data):
    params, at = {}, 0
    while at < len(data):
        (name_length, value_length), at = read_lengths(data, at)
        name = data[at : at + name_length].decode("latin-1")
        value = data[at + name_length : at + name_length + value_length].decode("latin-1")
        params.setdefault(name, []).append(value)
        at += name_length + value_length
    return params


CLOSES, RESETS, CUTS, HANGS = "closes", "resets", "cuts its answer off", "hangs"


class Recorder:
    """break_next: how the next request ends that has come as a whole, as if it had been acted on."""

    def __init__(self, address):
        self.requests, self.break_next = [], None
        host, colon, port = address.rpartition(":")
        self.listener = socket.create_server((host, int(port))) if colon else self.listen_at(address)

    @staticmethod
    def listen_at(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        os.chmod(path, 0o666)  # nginx's workers are another user
        listener.listen(64)
        return listener

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            served = 0
            while request := self.read_request(stream):
                request.first = served == 0
                served += 1
                self.requests.append(request)
                if self.break_next:
                    how, self.break_next = self.break_next, None
                    self.end(connection, stream, how)
                    return
                # kit.note() leaves it alone: it is not the service's.
                answer = b"Status: 200 OK\r\nContent-Type: application/json\r\nX-Stand-In: 1\r\n\r\n{}"
                connection.sendall(
                    HEADER.pack(1, STDOUT, 1, len(answer), 0)
                    + answer
                    + HEADER.pack(1, STDOUT, 1, 0, 0)
                    + HEADER.pack(1, END, 1, 8, 0)
                    + bytes(8)
                )
                if not request.keep:
                    return

    @staticmethod
    def end(connection, stream, how):
        if how == CUTS:
            connection.sendall(HEADER.pack(1, STDOUT, 1, 100, 0) + b"Status: 200 OK\r\n")
        elif how == RESETS:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how == HANGS:
            stream.read()  # until the web server has had enough

    @staticmethod
    def read_request(stream):
        request, params = None, b""
        while header := stream.read(HEADER.size):
            _, kind, _, length, padding = HEADER.unpack(header)
            content = stream.read(length + padding)[:length]
            if kind == BEGIN:
                request = Request(keep=bool(content[2] & 1))
            elif kind == PARAMS:
                params += content
            elif kind == STDIN and content:
                request.body += content
            elif kind == STDIN:
                request.params = read_params(params)
                return request
        return None
