"""Every template beside the resource specifications, by cfn-lint: those that
CloudFormation reads from a StackSet's text too.
"""

import json
import os
import subprocess

import pytest
from test_reference import INFRA, files

# W3005: a dependency that the CDK writes though a reference says it too.
LINT = [os.environ.get("CFN_LINT", "cfn-lint"), "-i", "W3005", "--"]


def lint(*paths):
    done = subprocess.run([*LINT, *map(str, paths)], capture_output=True, text=True, timeout=600)
    return done.returncode, done.stdout + done.stderr


def bodies(file):
    """The templates that a template carries as text."""
    template = json.loads(file.read_text())
    return [r["Properties"]["TemplateBody"] for r in template.get("Resources", {}).values() if r["Type"] == "AWS::CloudFormation::StackSet"]


def test_templates(tmp_path):
    templates = [INFRA.parent / "template.yaml", *(f for f in files() if f.name.endswith(".template.json"))]
    for file in templates[1:]:
        for number, body in enumerate(bodies(file)):
            templates.append(tmp_path / f"{file.parent.parent.name}-{file.stem}-{number}.json")
            templates[-1].write_text(body)
    assert list(tmp_path.iterdir()), "no StackSet among the templates"
    code, said = lint(*templates)
    assert code == 0, said


@pytest.mark.parametrize("properties, rule", [
    ({"VisibilityTimeout": 99999999}, "E3034"),
    ({"Visibility": 30}, "E3002"),
])
def test_planted(tmp_path, properties, rule):
    file = tmp_path / "planted.json"
    file.write_text(json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": properties}}}))
    code, said = lint(file)
    assert code and rule in said, said
