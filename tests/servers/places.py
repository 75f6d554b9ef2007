"""Where the tests of servers keep their datasets, and how they run ktk there.

A place is told by the environment, as it is for tests/store/test_contract.c: KTK_TEST_S3 (s3://bucket?endpoint=URL, with the
keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY) and KTK_TEST_AZURE (az://account/container, with the rest in
AZURE_STORAGE_CONNECTION_STRING).
"""
import os
import re
import subprocess
import time
import urllib.parse
import uuid

import pytest

from fault_proxy import FaultProxy

KTK = os.environ.get("KTK", "ktk")
VARIABLES = {"s3": "KTK_TEST_S3", "azure": "KTK_TEST_AZURE"}


class Place:
    """A folder of its own on a server, and a proxy before it."""

    def __init__(self, kind):
        url = os.environ.get(VARIABLES[kind])
        if not url:
            pytest.skip("{} names no server".format(VARIABLES[kind]))
        parts = urllib.parse.urlsplit(url)
        self.kind = kind
        self.folder = "{}/{}".format(parts.netloc + parts.path, uuid.uuid4().hex[:12])
        if kind == "s3":
            self.server = urllib.parse.parse_qs(parts.query)["endpoint"][0]
            self.account_path = ""
            self.environment = dict(os.environ)
        else:
            fields = dict(field.split("=", 1) for field in os.environ["AZURE_STORAGE_CONNECTION_STRING"].split(";") if field)
            endpoint = urllib.parse.urlsplit(fields["BlobEndpoint"])
            self.server = "http://" + endpoint.netloc
            self.account_path = endpoint.path
            self.environment = dict(os.environ, AZURE_STORAGE_CONNECTION_STRING="", AZURE_STORAGE_KEY=fields["AccountKey"])
        self.proxy = FaultProxy(self.server)

    def url(self, through_proxy=True, folder="", **parameters):
        scheme = {"s3": "s3", "azure": "az"}[self.kind]
        parameters["endpoint"] = (self.proxy.url if through_proxy else self.server) + self.account_path
        return "{}://{}{}?{}".format(scheme, self.folder, folder, urllib.parse.urlencode(parameters, safe=":/"))

    def ktk(self, *arguments, through_proxy=True, url=None, **environment):
        """Run ktk; with whatever exit code."""
        command = [KTK, "--store", url or self.url(through_proxy), *arguments]
        done = subprocess.run(command, capture_output=True, env=dict(self.environment, **environment), timeout=120)
        return Result(done)

    def good(self, *arguments, **options):
        result = self.ktk(*arguments, **options)
        assert result.code == 0, "{}: exit {}: {}".format(arguments, result.code, result.err)
        return result

    def grow_old(self):
        """Until what was written is older than now: services tell times in whole seconds."""
        time.sleep(2)

    def faults(self):
        """What was done to requests since the rules were set."""
        return [entry for entry in self.proxy.log() if entry["fault"]]


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()

    def check_error(self):
        """A failure is told in one line, and by nothing else."""
        assert self.code in range(1, 7), "exit {}: {}".format(self.code, self.err)
        assert re.fullmatch(r"ktk: [^\n]+\n", self.err), repr(self.err)


def opened(kind):
    """A place for one test; skips where there is no server."""
    place = Place(kind)
    try:
        yield place
    finally:
        place.proxy.close()


@pytest.fixture(params=sorted(VARIABLES))
def place(request):
    yield from opened(request.param)


@pytest.fixture
def s3():
    yield from opened("s3")


@pytest.fixture
def azure():
    yield from opened("azure")
