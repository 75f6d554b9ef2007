#!/usr/bin/env python3
"""A proxy between a client and an HTTP server that does to chosen requests what networks and servers do on bad days.

Tests have one in their own process (FaultProxy); a program has one of its own, told over HTTP what to do:

    fault_proxy.py --upstream http://127.0.0.1:9000 --ready FILE

writes its URL into FILE; `PUT /-/rules` takes a list of rules in JSON and empties the log, `GET /-/log` gives the log.

A rule is an object: `do` names what happens, the rest says to which requests. `method`, `path`, `query` and, for the header that
`header` names, `value` are regular expressions that match somewhere; of the requests that match, `nth` takes those with these
numbers (a number or a list, from 1), and `first` so many; without either all are taken. Rules count apart; the first that takes a
request acts.

    status        answer with `status`, `code` and `retry_after`; the server hears nothing. `forward`: it does. `early`: before the
                  body is read, after which the connection is closed. `without_date`: it does not tell the time
    reset         reset the connection; the server hears nothing
    lost_reply    the server acts, then the connection is reset
    late          reset the connection; the server acts `ms` later
    delay         the server hears of it `ms` later
    twice         the server gets the request twice, the client the second answer
    short_upload  the server gets `bytes` of the body, then both connections are reset
    cut           end the connection after `bytes` of the answer's body
    stall         pause for `ms` after `bytes` of the answer's body
    flip          turn over one bit of the answer's body, at `bytes`
    flip_upload   turn over one bit of the request's body, at `bytes`
    rewrite       put `to` for all that matches `pattern` in the answer's body
    decode_keys   of an S3 list: its keys are not encoded, although that was asked for, and it does not say that they are
    set_header    give the answer the header `name` with the value `to`; without `to` it has none
    close         answer, then close the connection without having said so
    drop_conditions  the server sees neither If-Match nor If-None-Match; signed anew with `keys` of S3

The log has an object for each request, which is there before the client sees any of the answer: `connection` and `on_connection`
(how many came before on it), `method`, `path`, `query`, `range`, `if_match`, `if_none_match`, `bytes` of the body, what was done
(`fault`: null for nothing), the status that the server gave (`server`: null if it was not asked) and the one sent (`sent`: null
for a reset), `answer_bytes`.
"""
import argparse
import email.utils
import hashlib
import hmac
import html
import http.client
import json
import pathlib
import re
import socket
import socketserver
import struct
import threading
import time
import urllib.parse

STALL_SECONDS = 60
CONDITIONS = ("if-match", "if-none-match")


class Request:
    def __init__(self, method, target, headers):
        self.method = method
        self.target = target
        self.path, _, self.query = target.partition("?")
        self.headers = headers
        self.body = b""

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name), None)


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def set_header(self, name, value):
        self.headers = [pair for pair in self.headers if pair[0].lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))

    def head(self):
        lines = ["HTTP/1.1 {} {}".format(self.status, http.client.responses.get(self.status, "Status"))]
        return "\r\n".join(lines + ["{}: {}".format(*pair) for pair in self.headers] + ["", ""]).encode("latin-1")


class Rule:
    """What is to be done, to which requests, and how many have come so far."""

    def __init__(self, fields):
        self.fields = fields
        nth = fields.get("nth")
        self.numbers = [nth] if isinstance(nth, int) else nth
        self.matched = 0

    def matches(self, request):
        patterns = [("method", request.method), ("path", request.path), ("query", request.query)]
        if any(name in self.fields and not re.search(self.fields[name], text) for name, text in patterns):
            return False
        if "header" not in self.fields:
            return True
        value = request.header(self.fields["header"].lower())
        return value is not None and re.search(self.fields.get("value", ""), value) is not None

    def takes(self, request):
        """Is it this request's turn? Counts it."""
        if not self.matches(request):
            return False
        self.matched += 1
        if self.numbers is not None:
            return self.matched in self.numbers
        return self.matched <= self.fields.get("first", self.matched)


def without_conditions(request, keys):
    """The request without its conditions, signed anew as AWS describes it (Signature Version 4)."""
    kept = [pair for pair in request.headers if pair[0].lower() not in CONDITIONS]
    bare = Request(request.method, request.target, kept)
    bare.body = request.body
    parts = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=[^/]+/([^,]+), ?SignedHeaders=([^,]+), ?Signature=\w+", request.header("authorization") or "")
    if parts is None or len(kept) == len(request.headers):
        return bare
    scope, names = parts.groups()
    names = [name for name in names.split(";") if name not in CONDITIONS]
    lines = [bare.method, bare.path, "&".join(sorted(bare.query.split("&"))) if bare.query else ""]
    lines += ["{}:{}".format(name, (bare.header(name) or "").strip()) for name in names]
    lines += ["", ";".join(names), bare.header("x-amz-content-sha256")]
    text = "\n".join(["AWS4-HMAC-SHA256", bare.header("x-amz-date"), scope, hashlib.sha256("\n".join(lines).encode()).hexdigest()])
    key = b"AWS4" + keys["secret"].encode()
    for part in [*scope.split("/"), text]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signed = "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}".format(keys["access"], scope, ";".join(names), key.hex())
    bare.headers = [pair if pair[0].lower() != "authorization" else (pair[0], signed) for pair in kept]
    return bare


class Connection(socketserver.StreamRequestHandler):
    """One connection of a client."""

    disable_nagle_algorithm = True

    def handle(self):
        self.number = self.server.proxy.next_connection()
        self.requests = 0
        try:
            while self.serve_one():
                self.requests += 1
        except OSError:
            pass  # the client has gone

    def read_head(self):
        line = self.rfile.readline().decode("latin-1").split()
        if len(line) != 3:
            return None
        headers = []
        while True:
            text = self.rfile.readline().decode("latin-1").rstrip("\r\n")
            if not text:
                return Request(line[0], line[1], headers)
            name, _, value = text.partition(":")
            headers.append((name, value.strip()))

    def read_body(self, request):
        request.body = self.rfile.read(int(request.header("content-length") or 0))

    def serve_one(self):
        """Returns whether the connection goes on."""
        request = self.read_head()
        if request is None:
            return False
        proxy = self.server.proxy
        if request.path.startswith("/-/"):
            self.read_body(request)
            return self.reply(proxy.control(request))
        rule = proxy.choose(request)
        action = rule["do"] if rule else None
        entry = dict(
            connection=self.number, on_connection=self.requests, method=request.method, path=request.path, query=request.query,
            range=request.header("range"), if_match=request.header("if-match"), if_none_match=request.header("if-none-match"),
            bytes=int(request.header("content-length") or 0), fault=action, server=None, sent=None, answer_bytes=0,
        )
        if action == "status" and rule.get("early"):
            return self.refuse_early(request, rule, entry)
        self.read_body(request)
        if action is None:
            return self.reply(self.ask(request, entry), entry)
        return getattr(self, "do_" + action)(request, rule, entry)

    def ask(self, request, entry, body=None):
        """The server's answer; None: it has none."""
        proxy = self.server.proxy
        server = http.client.HTTPConnection(*proxy.upstream, timeout=STALL_SECONDS)
        try:
            server.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers:
                server.putheader(name, value)
            server.endheaders(request.body if body is None else body)
            if body is not None:  # cut short: there will be no answer
                reset(server.sock)
                return None
            found = server.getresponse()
            answer = Answer(found.status, found.getheaders(), found.read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            server.close()
        entry["server"] = answer.status
        for name in ("Transfer-Encoding", "Connection", "Keep-Alive"):
            answer.set_header(name, None)
        if request.method != "HEAD" and answer.status not in (204, 304):
            answer.set_header("Content-Length", str(len(answer.body)))
        return answer

    def note(self, entry, answer):
        if entry is not None:
            entry.update(sent=answer and answer.status, answer_bytes=len(answer.body) if answer else 0)
            self.server.proxy.note(entry)

    def reply(self, answer, entry=None):
        if answer is None:
            return self.drop(entry)
        self.note(entry, answer)
        self.wfile.write(answer.head() + answer.body)
        return True

    def drop(self, entry):
        """End the connection so that the client sees a reset."""
        self.note(entry, None)
        reset(self.connection)
        return False

    def refusal(self, rule):
        body = "<Error><Code>{}</Code><Message>made by a test</Message></Error>".format(rule.get("code", "InternalError")).encode()
        answer = Answer(rule["status"], [("Content-Length", str(len(body)))], body)
        if "retry_after" in rule:
            answer.set_header("Retry-After", str(rule["retry_after"]))
        if not rule.get("without_date"):
            answer.set_header("Date", email.utils.formatdate(usegmt=True))
        return answer

    def refuse_early(self, request, rule, entry):
        answer = self.refusal(rule)
        answer.set_header("Connection", "close")
        self.reply(answer, entry)
        time.sleep(0.2)  # else what was not read would take the answer with it
        return False

    # What rules do; each returns whether the connection goes on.

    def do_status(self, request, rule, entry):
        if rule.get("forward"):
            self.ask(request, entry)
        answer = self.refusal(rule)
        if request.method == "HEAD":
            answer.body = b""
        return self.reply(answer, entry)

    def do_reset(self, request, rule, entry):
        return self.drop(entry)

    def do_lost_reply(self, request, rule, entry):
        self.ask(request, entry)
        return self.drop(entry)

    def do_late(self, request, rule, entry):
        timer = threading.Timer(rule["ms"] / 1000, self.ask, (request, entry))
        self.server.proxy.timers.append(timer)
        timer.start()
        return self.drop(entry)

    def do_delay(self, request, rule, entry):
        time.sleep(rule["ms"] / 1000)
        return self.reply(self.ask(request, entry), entry)

    def do_twice(self, request, rule, entry):
        self.ask(request, entry)
        return self.reply(self.ask(request, entry), entry)

    def do_short_upload(self, request, rule, entry):
        self.ask(request, entry, request.body[: rule["bytes"]])
        return self.drop(entry)

    def do_flip_upload(self, request, rule, entry):
        body = bytearray(request.body)
        body[rule["bytes"]] ^= 1
        request.body = bytes(body)
        return self.reply(self.ask(request, entry), entry)

    def do_cut(self, request, rule, entry):
        answer = self.ask(request, entry)
        if answer is None or len(answer.body) <= rule["bytes"]:
            return self.reply(answer, entry)
        self.note(entry, answer)
        self.wfile.write(answer.head() + answer.body[: rule["bytes"]])
        return False

    def do_stall(self, request, rule, entry):
        answer = self.ask(request, entry)
        if answer is None:
            return self.drop(entry)
        self.note(entry, answer)
        self.wfile.write(answer.head() + answer.body[: rule["bytes"]])
        time.sleep(rule["ms"] / 1000)
        self.wfile.write(answer.body[rule["bytes"] :])
        return True

    def do_flip(self, request, rule, entry):
        answer = self.ask(request, entry)
        if answer is not None and len(answer.body) > rule["bytes"]:
            body = bytearray(answer.body)
            body[rule["bytes"]] ^= 1
            answer.body = bytes(body)
        return self.reply(answer, entry)

    def reply_with_text(self, request, entry, change):
        """The answer with another body."""
        answer = self.ask(request, entry)
        if answer is not None:
            answer.body = change(answer.body.decode()).encode()
            answer.set_header("Content-Length", str(len(answer.body)))
        return self.reply(answer, entry)

    def do_rewrite(self, request, rule, entry):
        return self.reply_with_text(request, entry, lambda text: re.sub(rule["pattern"], rule["to"], text))

    def do_decode_keys(self, request, rule, entry):
        def decode(match):
            key = urllib.parse.unquote_plus(html.unescape(match.group(2)))
            return match.group(1) + html.escape(key) + match.group(3)

        def change(text):
            return re.sub("<EncodingType>.*?</EncodingType>", "", re.sub("(<(?:Key|Prefix)>)(.*?)(</)", decode, text))

        return self.reply_with_text(request, entry, change)

    def do_set_header(self, request, rule, entry):
        answer = self.ask(request, entry)
        if answer is not None:
            answer.set_header(rule["name"], rule.get("to"))
        return self.reply(answer, entry)

    def do_close(self, request, rule, entry):
        self.reply(self.ask(request, entry), entry)
        return False

    def do_drop_conditions(self, request, rule, entry):
        return self.reply(self.ask(without_conditions(request, rule["keys"]), entry), entry)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def shutdown_request(self, request):
        try:
            super().shutdown_request(request)
        except OSError:
            pass  # reset already


class FaultProxy:
    """A proxy that runs until it is closed. May be used from several threads."""

    def __init__(self, upstream, port=0):
        place = urllib.parse.urlsplit(upstream)
        self.upstream = (place.hostname, place.port)
        self.timers = []
        self._lock = threading.Lock()
        self._rules = []
        self._log = []
        self._connections = 0
        self._server = Server(("127.0.0.1", port), Connection)
        self._server.proxy = self
        self.url = "http://127.0.0.1:{}".format(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def set_rules(self, *rules):
        """From now on these rules hold, counting from one; the log begins anew."""
        for rule in rules:
            if not hasattr(Connection, "do_" + rule["do"]):
                raise ValueError("there is no action '{}'".format(rule["do"]))
        with self._lock:
            self._rules = [Rule(rule) for rule in rules]
            self._log = []

    def log(self):
        with self._lock:
            return list(self._log)

    def settle(self):
        """Wait until what was to come late has come."""
        while self.timers:
            self.timers.pop().join()

    def close(self):
        self.settle()
        self._server.shutdown()
        self._server.server_close()

    def choose(self, request):
        """The fields of the rule that takes this request; every rule sees it."""
        with self._lock:
            return next((rule.fields for rule in [rule for rule in self._rules if rule.takes(request)]), None)

    def note(self, entry):
        with self._lock:
            self._log.append(entry)

    def next_connection(self):
        with self._lock:
            self._connections += 1
            return self._connections

    def control(self, request):
        if request.method == "PUT" and request.path == "/-/rules":
            try:
                self.set_rules(*json.loads(request.body))
                status, body = 200, b""
            except (ValueError, KeyError, TypeError) as error:
                status, body = 400, str(error).encode()
        elif request.method == "GET" and request.path == "/-/log":
            status, body = 200, "".join(json.dumps(entry) + "\n" for entry in self.log()).encode()
        else:
            status, body = 404, b"PUT /-/rules or GET /-/log"
        return Answer(status, [("Content-Length", str(len(body)))], body)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--upstream", required=True, help="URL of the server")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; default: a free one")
    parser.add_argument("--ready", type=pathlib.Path, help="file to write the proxy's URL into")
    arguments = parser.parse_args()
    proxy = FaultProxy(arguments.upstream, arguments.port)
    print(proxy.url, flush=True)
    if arguments.ready:
        arguments.ready.write_text(proxy.url + "\n")
    threading.Event().wait()


if __name__ == "__main__":
    main()
