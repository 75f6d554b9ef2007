#!/usr/bin/env python3
"""
Servers for tests on 127.0.0.1: radosgw (S3, of Ceph), versitygw (S3) and azurite (Azure Blob).

  servers.py install KIND          what it needs: Debian packages, or a program in the user's cache
  servers.py start KIND            start it unless it runs, and print its environment
  servers.py env KIND              the lines for a shell: eval "$(tests/servers/servers.py env radosgw)"
  servers.py stop [KIND]           end it, or all, by process id, and remove what they hold

Each has a folder of its own below --state (default: one for the user among the temporary files), a free port, a place for
tests, its owner's keys, and a second user whom it lets see nothing.
"""
import argparse
import base64
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import uuid

import make_place
from processes import Daemon, ServerError, free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "kartothek-servers"
AZURITE = "3.35.0"  # later ones need Node 22
VERSITYGW = "v1.8.0"
PLACE = "kartothek-tests"
MINE = ("owner-of-the-tests", "a-key-that-guards-nothing")
OTHER = ("somebody-else", "another-key-that-guards-nothing")


def quietly(what, command, environ=None):
    """Run a command; ServerError with the end of what it said when it fails."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env=dict(os.environ, **(environ or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise ServerError("{}: {}".format(what, error)) from error
    if done.returncode != 0:
        raise ServerError("{} failed: {}".format(what, done.stdout.decode("utf-8", "replace")[-1500:].strip()))
    return done.stdout.decode("utf-8", "replace")


def need(*commands):
    missing = [name for name in commands if shutil.which(name) is None]
    if missing:
        raise ServerError("{} not found: servers.py install KIND".format(", ".join(missing)))


class Server:
    """One server and the folder of what it holds; `daemons` in the order in which they start."""

    daemons = ()

    def __init__(self, state):
        self.folder = pathlib.Path(state) / self.kind
        self.lines = self.folder / "environment"

    def daemon(self, name):
        return Daemon(self.folder, name)

    def is_running(self):
        return self.lines.exists() and all(self.daemon(name).pid() is not None for name in self.daemons)

    def start(self):
        """Its environment as a dict. Nothing is left when it cannot start."""
        if not self.is_running():
            self.stop()
            self.folder.mkdir(parents=True, mode=0o700)
            try:
                environ = self.run(free_port())
            except BaseException:
                self.stop()
                raise
            self.lines.write_text("".join("{}={}\n".format(*line) for line in environ.items()))
        return self.environment()

    def environment(self):
        if not self.is_running():
            raise ServerError("{} does not run: servers.py start {}".format(self.kind, self.kind))
        return dict(line.split("=", 1) for line in self.lines.read_text().splitlines())

    def stop(self):
        for name in reversed(self.daemons):
            self.daemon(name).stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def s3_environment(self, endpoint):
        """Of an S3 server that answers: its bucket is made."""
        status = make_place.make_bucket(endpoint, PLACE, *MINE)
        if status != 200:
            raise ServerError("{} gave status {} instead of a bucket: {}".format(self.kind, status, self.daemon(self.daemons[-1]).tail()))
        return {
            "S3_ENDPOINT": endpoint,
            "S3_BUCKET": PLACE,
            "AWS_ACCESS_KEY_ID": MINE[0],
            "AWS_SECRET_ACCESS_KEY": MINE[1],
            "AWS_REGION": make_place.REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "S3_OTHER_ACCESS_KEY_ID": OTHER[0],
            "S3_OTHER_SECRET_ACCESS_KEY": OTHER[1],
            "KTK_TEST_S3": "s3://{}?endpoint={}".format(PLACE, endpoint),
        }


CEPH = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{monitor}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr1 = false
ms bind ipv6 = false
auth allow insecure global id reclaim = false
keyring = {folder}/keyring
run dir = {folder}
crash dir = {folder}
pid file =
admin socket =
log file =
log to stderr = true
err to stderr = true
mon cluster log file =
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
paxos propose interval = 0.05
paxos min wait = 0.01
[mon]
mon data = {folder}/mon
mon data avail warn = 0
mon data avail crit = 0
[osd]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 8589934592
[client]
rgw data = {folder}
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw thread pool size = 64
rgw enable apis = s3
rgw gc obj min wait = 2
rgw gc processor period = 5
rgw gc processor max time = 5
"""

CEPH_USERS = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *"},
    "client.rgw": {"mon": "allow rw", "osd": "allow rwx"},
}


class Radosgw(Server):
    """A monitor, one store of objects in memory, and the gateway: a whole Ceph, as small as it gets."""

    kind = "radosgw"
    daemons = ("ceph-mon", "ceph-osd", "radosgw")

    def install(self):
        quietly("the installation of Ceph", [ROOT / "scripts" / "install_packages.sh", "radosgw"])

    def keys(self):
        keyring = self.folder / "keyring"
        for name, rights in CEPH_USERS.items():
            caps = [part for right in rights.items() for part in ("--cap", *right)]
            create = [] if keyring.exists() else ["--create-keyring"]
            quietly("ceph-authtool", ["ceph-authtool", *create, keyring, "--gen-key", "-n", name, *caps])
        return keyring

    def run(self, port):
        need("ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
        fsid, disk, monitor = uuid.uuid4(), uuid.uuid4(), free_port()
        settings = self.folder / "ceph.conf"
        settings.write_text(CEPH.format(fsid=fsid, monitor=monitor, port=port, folder=self.folder))
        environ = {"CEPH_CONF": str(settings)}
        keyring, monmap = self.keys(), self.folder / "monmap"
        for name in ("mon", "osd"):
            (self.folder / name).mkdir()
        quietly("monmaptool", ["monmaptool", "--create", "--addv", "a", "[v2:127.0.0.1:{}]".format(monitor), "--fsid", fsid, monmap], environ)
        quietly("ceph-mon", ["ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap, "--keyring", keyring], environ)
        self.daemon("ceph-mon").start(["ceph-mon", "-i", "a", "-f"], environ)
        quietly("ceph osd new", ["ceph", "--connect-timeout", "60", "osd", "new", disk], environ)
        quietly("ceph-osd", ["ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk], environ)
        self.daemon("ceph-osd").start(["ceph-osd", "-i", "0", "-f"], environ)
        gateway, endpoint = self.daemon("radosgw"), "http://127.0.0.1:{}".format(port)
        gateway.start(["radosgw", "-n", "client.rgw", "-f"], environ)
        gateway.wait_until(lambda: make_place.answers(endpoint))
        for access_key, secret_key in (MINE, OTHER):
            user = ["--uid", access_key, "--display-name", access_key, "--access-key", access_key, "--secret-key", secret_key]
            quietly("radosgw-admin", ["radosgw-admin", "-n", "client.rgw", "user", "create", *user], environ)
        return self.s3_environment(endpoint)


class Versitygw(Server):
    """An S3 gateway over a folder, which answers much as AWS does; only where there is a Go to build it with."""

    kind = "versitygw"
    daemons = ("versitygw",)
    program = CACHE / ("versitygw-" + VERSITYGW) / "versitygw"

    def install(self):
        if self.program.exists():
            return
        need("go")
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as stage:
            environ = {"GOBIN": stage + "/bin", "GOPATH": stage + "/go", "GOCACHE": stage + "/cache", "GOFLAGS": "-modcacherw", "CGO_ENABLED": "0"}
            module = "github.com/versity/versitygw/cmd/versitygw@" + VERSITYGW
            quietly("the build of versitygw", ["go", "install", "-ldflags", "-s -w", module], environ)
            self.program.parent.mkdir(exist_ok=True)
            os.replace(stage + "/bin/versitygw", self.program)

    def run(self, port):
        need(self.program)
        (self.folder / "data").mkdir()
        (self.folder / "users").mkdir()
        gateway, endpoint = self.daemon("versitygw"), "http://127.0.0.1:{}".format(port)
        options = ["--port", "127.0.0.1:{}".format(port), "--quiet", "--iam-dir", self.folder / "users"]
        environ = {"ROOT_ACCESS_KEY": MINE[0], "ROOT_SECRET_KEY": MINE[1]}
        gateway.start([self.program, *options, "posix", self.folder / "data"], environ)
        gateway.wait_until(lambda: make_place.answers(endpoint))
        admin = [self.program, "admin", "--access", MINE[0], "--secret", MINE[1], "--endpoint-url", endpoint]
        quietly("versitygw admin", [*admin, "create-user", "--access", OTHER[0], "--secret", OTHER[1], "--role", "user"])
        return self.s3_environment(endpoint)


class Azurite(Server):
    """
    Microsoft's own emulator of its storage.

    It looks for garbage ten minutes after its start and again and again, and sorts all it knows anew for each piece that it finds: after
    some thousand puts it hears nobody for minutes. So it is told to look after 24 days.
    """

    kind = "azurite"
    daemons = ("azurite",)
    home = CACHE / ("azurite-" + AZURITE)
    source = home / "node_modules" / "azurite" / "dist" / "src" / "blob"
    program = source / "main.js"

    def install(self):
        if shutil.which("npm") is None:
            quietly("the installation of npm", [ROOT / "scripts" / "install_packages.sh", "npm"])
        if self.program.exists():
            return
        CACHE.mkdir(parents=True, exist_ok=True)
        stage = pathlib.Path(tempfile.mkdtemp(dir=CACHE))
        try:
            (stage / "package.json").write_text('{"private": true}\n')
            npm = ["npm", "install", "--prefix", stage, "--ignore-scripts", "--omit=dev", "--no-fund", "--no-audit", "--no-update-notifier"]
            quietly("the installation of Azurite", [*npm, "azurite@" + AZURITE])
            shutil.rmtree(self.home, ignore_errors=True)
            os.replace(stage, self.home)
        finally:
            shutil.rmtree(stage, ignore_errors=True)

    def run(self, port):
        need("node")
        if not self.program.exists():
            raise ServerError("Azurite is not installed: servers.py install azurite")
        accounts = {name: base64.b64encode(secret.encode()).decode() for name, secret in (("ktktests", MINE[1]), ("ktkother", OTHER[1]))}
        server, base = self.daemon("azurite"), "http://127.0.0.1:{}".format(port)
        settings = self.folder / "settings.js"
        settings.write_text("require({}).DEFAULT_GC_INTERVAL_MS = 0x7fffffff;\n".format(json.dumps(str(self.source / "utils" / "constants.js"))))
        options = ["--blobHost", "127.0.0.1", "--blobPort", port, "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent"]
        server.start(["node", "--require", settings, self.program, *options], {"AZURITE_ACCOUNTS": ";".join("{}:{}".format(*one) for one in accounts.items())})
        server.wait_until(lambda: make_place.answers(base))
        endpoint, key = base + "/ktktests", accounts["ktktests"]
        status = make_place.make_container(endpoint, "ktktests", PLACE, key)
        if status != 201:
            raise ServerError("azurite gave status {} instead of a container: {}".format(status, server.tail()))
        connection = "DefaultEndpointsProtocol=http;AccountName=ktktests;AccountKey={};BlobEndpoint={};".format(key, endpoint)
        return {
            "AZURE_ENDPOINT": endpoint,
            "AZURE_CONTAINER": PLACE,
            "AZURE_STORAGE_ACCOUNT": "ktktests",
            "AZURE_STORAGE_KEY": key,
            "AZURE_STORAGE_CONNECTION_STRING": connection,
            "AZURE_OTHER_STORAGE_ACCOUNT": "ktkother",
            "AZURE_OTHER_STORAGE_KEY": accounts["ktkother"],
            "AZURE_OTHER_ENDPOINT": base + "/ktkother",
            "KTK_TEST_AZURE": "az://ktktests/" + PLACE,
        }


KINDS = {one.kind: one for one in (Radosgw, Versitygw, Azurite)}


def default_state():
    return os.environ.get("KTK_SERVERS") or os.path.join(tempfile.gettempdir(), "kartothek-servers-{}".format(os.getuid()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", default=default_state(), help="folder of what they hold (default: $KTK_SERVERS or {})".format(default_state()))
    parser.add_argument("verb", choices=["install", "start", "env", "stop"])
    parser.add_argument("kind", choices=sorted(KINDS), nargs="?")
    arguments = parser.parse_args()
    if arguments.kind is None and arguments.verb != "stop":
        parser.error("which server: " + ", ".join(sorted(KINDS)))
    try:
        for kind in [arguments.kind] if arguments.kind else sorted(KINDS):
            server = KINDS[kind](arguments.state)
            if arguments.verb in ("install", "stop"):
                getattr(server, arguments.verb)()
                continue
            environ = server.start() if arguments.verb == "start" else server.environment()
            for name, value in environ.items():
                print("export {}={}".format(name, shlex.quote(value)))
    except ServerError as error:
        return "servers.py: {}".format(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
