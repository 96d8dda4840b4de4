"""Holds the simulated AWS, and snapferry's functions, against an independent emulator.

The cases run over two endpoints: `snapferry sim` and `moto_server`. Both are
started here; SNAPFERRY says which program to run. Every case has an account of
its own. A case in which moto does otherwise than Amazon documents expects what
Amazon documents, and says what moto does: see moto_differs.
"""

import itertools
import os
import random
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.config import Config

HOME, OTHER = "us-east-1", "eu-west-2"
_accounts = itertools.count(random.SystemRandom().randrange(10**11, 9 * 10**11))


def moto_differs(what):
    """Marks a case that moto fails; should it pass one day, the mark must go."""
    return pytest.mark.moto_differs(what)


def pytest_configure(config):
    config.addinivalue_line("markers", "moto_differs(what): moto does otherwise than Amazon documents")


def pytest_collection_modifyitems(items):
    for item in items:
        differs = item.get_closest_marker("moto_differs")
        if differs and getattr(item, "callspec", None) and item.callspec.params.get("endpoint") == "moto":
            item.add_marker(pytest.mark.xfail(reason="moto: " + differs.args[0], strict=True))


def program(name, variable, fix):
    path = os.environ.get(variable) or shutil.which(name)
    if not path or not os.path.exists(path):
        pytest.exit(f"{name} is missing: {fix}", returncode=1)
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="session")
def snapferry():
    return program("snapferry", "SNAPFERRY", "run 'make build-local', and set SNAPFERRY to dist/local/snapferry")


@pytest.fixture(scope="session")
def simulated(snapferry):
    command = [snapferry, "sim", "--listen", "127.0.0.1:0", "--snapshot-time", "0s", "--copy-time", "0s"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    yield process.stdout.readline().strip()
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture(scope="session")
def moto():
    port = free_port()
    environment = {**os.environ, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    command = [program("moto_server", "MOTO_SERVER", "run 'make wire-tools'"), "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            urllib.request.urlopen(url + "/moto-api/data.json", timeout=5).close()
            break
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None, "moto_server ended at once: run it by hand to see why"
            time.sleep(0.1)
    yield url
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture(params=["sim", "moto"])
def endpoint(request):
    return request.getfixturevalue("simulated" if request.param == "sim" else "moto")


class Account:
    """One account of an emulator, seen through boto3."""

    def __init__(self, endpoint, number):
        self.endpoint, self.number = endpoint, number

    def client(self, service, region=HOME):
        client = boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=self.number,
            aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=30),
        )
        # The simulated AWS knows accounts by their access keys, moto by a header.
        client.meta.events.register("before-sign", lambda request, **_: request.headers.add_header("x-moto-account-id", self.number))
        return client

    def snapshot(self, description="", region=HOME, **more):
        """A completed snapshot of a new volume."""
        ec2 = self.client("ec2", region)
        volume = ec2.create_volume(AvailabilityZone=region + "a", Size=1)["VolumeId"]
        id = ec2.create_snapshot(VolumeId=volume, Description=description, **more)["SnapshotId"]
        return completed(ec2, id)["SnapshotId"]


def completed(ec2, id):
    return eventually(lambda: next((s for s in ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"] if s["State"] == "completed"), None))


def eventually(look):
    """What look finds, once it finds something."""
    for _ in range(200):
        found = look()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail("it never came")


@pytest.fixture
def new_account(endpoint):
    return lambda: Account(endpoint, str(next(_accounts)))


@pytest.fixture
def account(new_account):
    return new_account()


class GoBetween:
    """Stands between the functions and moto, and tells moto which account is calling."""

    def __init__(self, moto, account):
        import http.server

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("content-length", "connection", "accept-encoding")}
                headers["x-moto-account-id"] = account
                request = urllib.request.Request(moto + self.path, data=body, headers=headers, method="POST")
                try:
                    with urllib.request.urlopen(request, timeout=30) as response:
                        self.answer(response.status, response.headers, response.read())
                except urllib.error.HTTPError as error:
                    self.answer(error.code, error.headers, error.read())

            def answer(self, status, headers, body):
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "connection", "transfer-encoding", "server", "date"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
