"""Talks to a simulated AWS with other people's tools.

SNAPFERRY is the path of the snapferry command, of which a run starts its own
simulated AWS. SNAPFERRY_SIM_ENDPOINT, when set, says where one listens already.
"""

import functools
import itertools
import json
import os
import random
import subprocess
import threading

import boto3
import pytest
from botocore.config import Config

REGION = "eu-west-1"
# Accounts that nobody else uses: the world may outlive a run.
_accounts = itertools.count(random.SystemRandom().randrange(10**11, 9 * 10**11))


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory):
    running, command = os.environ.get("SNAPFERRY_SIM_ENDPOINT"), os.environ.get("SNAPFERRY")
    if running:
        yield running.rstrip("/")
        return
    if not command:
        pytest.fail("set SNAPFERRY to the path of the snapferry command, or SNAPFERRY_SIM_ENDPOINT to where its simulated AWS listens")
    messages = tmp_path_factory.mktemp("sim") / "stderr"
    with messages.open("w") as stderr:
        sim = subprocess.Popen([command, "sim", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=stderr, text=True)
    # Killed, it ends the wait for its first line.
    patience = threading.Timer(30, sim.kill)
    patience.start()
    try:
        url = sim.stdout.readline().strip()
        patience.cancel()
        if not url.startswith("http://"):
            pytest.fail(f"{command} sim printed {url!r} instead of its endpoint: {messages.read_text()}")
        yield url
        assert sim.poll() is None, f"the simulated AWS ended during the tests: {messages.read_text()}"
        assert "panic" not in messages.read_text()
    finally:
        patience.cancel()
        sim.terminate()
        try:
            sim.wait(timeout=10)
        except subprocess.TimeoutExpired:
            sim.kill()
            sim.wait()
        sim.stdout.close()


class Caller:
    """One account: boto3 clients and the aws command line."""

    def __init__(self, endpoint, account):
        self.endpoint = endpoint
        self.account = account

    @functools.cache
    def client(self, service, region=REGION):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=self.account,
            aws_secret_access_key="secret",
            # A fault is a fault here, not something to try again.
            config=Config(retries={"total_max_attempts": 1}, read_timeout=30),
        )

    def aws_raw(self, *words, region=REGION):
        """Runs the aws command line and returns the finished process."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }
        command = ["aws", "--endpoint-url", self.endpoint, "--output", "json", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    def aws(self, *words, region=REGION):
        """Runs the aws command line, which must succeed; returns what it prints, parsed."""
        done = self.aws_raw(*words, region=region)
        assert done.returncode == 0, f"aws {' '.join(words)}: {done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None


@pytest.fixture
def new_account(endpoint):
    return lambda: Caller(endpoint, str(next(_accounts)))


@pytest.fixture
def caller(new_account):
    return new_account()


@pytest.fixture
def owner(endpoint):
    """The account that shares its snapshots."""
    return Caller(endpoint, "111111111111")


@pytest.fixture
def vault(endpoint):
    """The account that they are shared with."""
    return Caller(endpoint, "222222222222")
