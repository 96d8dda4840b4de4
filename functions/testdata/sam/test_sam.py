"""template.yaml under Amazon's own tools: the SAM CLI validates it and builds
from it, and each function that was built answers an event under the Lambda
Runtime Interface Emulator that comes with the CLI, against the simulated AWS.
Where a Docker engine runs, `sam local invoke` runs one too.

Run by `make sam`, which builds the command line first.
"""

import contextlib
import json
import os
import pathlib
import platform
import shutil
import socket
import stat
import subprocess
import sysconfig
import time
import urllib.request

import boto3
import pytest

ROOT = pathlib.Path(__file__).parents[3]
ACCOUNT, REGION = "222222222222", "us-east-1"
ARCH = {"x86_64": ("amd64", "x86_64"), "amd64": ("amd64", "x86_64"), "aarch64": ("arm64", "arm64"), "arm64": ("arm64", "arm64")}[platform.machine()]
SAM = os.environ["SAM"]
LANES = 2
POLICIES = list((ROOT / "policies").glob("*.json"))


def targets():
    """The Regions that the policies copy to."""
    regions = set()
    for file in POLICIES:
        document = json.loads(file.read_text())
        document = document.get("Policy", document)
        for action in document.get("PolicyDetails", document)["Actions"]:
            regions |= {rule["Target"] for rule in action["CrossRegionCopy"]}
    return regions


def run(*command, **environment):
    env = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": REGION, **environment}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def process(*command, env=None, cwd=ROOT):
    p = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield p
    finally:
        p.terminate()
        try:
            p.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            p.kill()
            p.communicate()


def until_open(port, p):
    for _ in range(100):
        assert p.poll() is None, p.stdout.read()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise AssertionError(f"nothing listens on port {port}")


@pytest.fixture(scope="session")
def built():
    run(SAM, "build", "--template", "template.yaml", "--parameter-overrides", f"Architecture={ARCH[1]}", ARCH=ARCH[0])
    return ROOT / ".aws-sam" / "build"


@pytest.fixture(scope="session")
def aws():
    """The simulated AWS, with the queues and the bus that the functions use."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with process(ROOT / "dist/local/snapferry", "sim", "--listen", f"127.0.0.1:{port}") as p:
        until_open(port, p)
        client = lambda service: boto3.client(service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id=ACCOUNT, aws_secret_access_key="x")
        client("events").create_event_bus(Name="snapferry")
        sqs = client("sqs")
        sqs.create_queue(QueueName="snapferry-events")
        for region in targets():
            for lane in range(LANES):
                sqs.create_queue(QueueName=f"snapferry-orders-{region}-{lane}.fifo", Attributes={"FifoQueue": "true"})
        yield endpoint


def test_valid():
    assert "is a valid SAM Template" in run(SAM, "validate", "--lint", "--template", "template.yaml", "--region", REGION)


def test_build(built):
    for function in "Copy", "Reconcile", "Expire":
        bootstrap = built / function / "bootstrap"
        assert bootstrap.stat().st_mode & stat.S_IXUSR, f"{bootstrap} is not executable"
        assert {p.name for p in (built / function / "policies").iterdir()} == {p.name for p in POLICIES}


def emulator(tmp_path):
    """The Runtime Interface Emulator from the SAM CLI's package, made executable."""
    packages = pathlib.Path(sysconfig.get_paths()["purelib"])
    copy = tmp_path / "rie"
    shutil.copy(packages / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{ARCH[1]}", copy)
    copy.chmod(0o755)
    return copy


def invoke(function, built, endpoint, event, tmp_path):
    folder = built / function
    port = free_port()
    url = f"{endpoint}/{ACCOUNT}/"
    env = {
        "PATH": os.environ["PATH"], "LAMBDA_TASK_ROOT": str(folder),
        "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "x", "AWS_ENDPOINT_URL": endpoint,
        "ORDERS_QUEUE_URL": url + "snapferry-orders-{region}-{lane}.fifo", "ORDERS_LANES": str(LANES), "EVENTS_QUEUE_URL": url + "snapferry-events",
        "EVENT_BUS": "snapferry", "SOURCE_REGIONS": REGION,
    }
    command = [emulator(tmp_path), "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
               "--runtime-api-address", f"127.0.0.1:{free_port()}", folder / "bootstrap"]
    with process(*command, env=env, cwd=folder) as p:
        until_open(port, p)
        request = urllib.request.Request(f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations", data=event)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


def test_copy_answers(built, aws, tmp_path):
    got = invoke("Copy", built, aws, (ROOT / "events/create-snapshot.json").read_bytes(), tmp_path)
    assert got["counts"] == {"ignored": 1}


def test_copy_answers_a_batch(built, aws, tmp_path):
    got = invoke("Copy", built, aws, (ROOT / "events/sqs-batch.json").read_bytes(), tmp_path)
    assert set(got) == {"batchItemFailures"}


def test_reconcile_answers(built, aws, tmp_path):
    got = invoke("Reconcile", built, aws, (ROOT / "events/dry-run.json").read_bytes(), tmp_path)
    assert got["dryRun"] is True and got["counts"] == {} and got["steps"] == []


def test_expire_answers(built, aws, tmp_path):
    got = invoke("Expire", built, aws, (ROOT / "events/schedule.json").read_bytes(), tmp_path)
    assert got["dryRun"] is False and got["counts"] == {}


def test_local_invoke(built):
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True, timeout=60).returncode != 0:
        pytest.skip("sam local invoke needs a Docker engine, and none runs here: install Docker (https://docs.docker.com/engine/install) and start it")
    out = run(SAM, "local", "invoke", "Copy", "--event", "events/create-snapshot.json", "--parameter-overrides", f"Architecture={ARCH[1]}")
    assert '"ignored":1' in out
