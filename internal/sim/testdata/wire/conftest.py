"""Talks to a running simulated AWS with other people's tools.

SNAPFERRY_SIM_ENDPOINT says where it listens. Every test has an account of its
own, so that all of them can share one world.
"""

import itertools
import json
import os
import random
import subprocess

import boto3
import pytest
from botocore.config import Config

REGION = "eu-west-1"
# A run has accounts of its own too: the world may outlive it.
_accounts = itertools.count(random.SystemRandom().randrange(10**11, 9 * 10**11))


@pytest.fixture(scope="session")
def endpoint():
    url = os.environ.get("SNAPFERRY_SIM_ENDPOINT")
    if url:
        return url
    message = "set SNAPFERRY_SIM_ENDPOINT to where the simulated AWS listens, such as http://127.0.0.1:4566"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


class Caller:
    """One account: boto3 clients and the aws command line."""

    def __init__(self, endpoint, account):
        self.endpoint = endpoint
        self.account = account

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
