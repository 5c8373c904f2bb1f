# SPDX-License-Identifier: Apache-2.0
"""The manifests for Kubernetes: every field is one that it has, and every command one that our programs understand. The
schemas come from the Python package index, with what reads them."""
import json
import pathlib
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples/kubernetes"
VALIDATOR = "kubernetes-validate==1.37.0"
PLACES = {"$(ADDRESS)": "10.1.2.3", "$(NAME)": "mars-worker-0"}  # what Kubernetes puts in


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """The programs of an environment that has the schemas."""
    place = tmp_path_factory.mktemp("kubernetes")
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    subprocess.run([place / "bin/pip", "install", "--quiet", "--disable-pip-version-check", VALIDATOR], check=True)
    return place / "bin"


def validate(tools, version, manifest):
    """What it has to say."""
    said = subprocess.run([tools / "kubernetes-validate", "--strict", "--kubernetes-version", version, manifest],
                          capture_output=True, text=True)
    assert (said.returncode == 0) == ("ERROR" not in said.stdout + said.stderr)
    return [line for line in said.stdout.splitlines() + said.stderr.splitlines() if " passed " not in line]


@pytest.mark.parametrize("version", ["1.30.0", "1.37.0"])
def test_kubernetes_knows_every_field(tools, version, tmp_path):
    assert validate(tools, version, EXAMPLES / "mars.yaml") == []
    text = (EXAMPLES / "mars.yaml").read_text()
    (tmp_path / "wrong.yaml").write_text(text.replace("replicas: 3", "copies: 3"))
    assert "'copies' was unexpected" in str(validate(tools, version, tmp_path / "wrong.yaml"))


def containers(tools):
    """Of all pods."""
    program = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))"
    said = subprocess.run([tools / "python", "-c", program, EXAMPLES / "mars.yaml"], check=True, capture_output=True)
    for thing in json.loads(said.stdout):
        if thing["kind"] != "Service":
            yield from thing["spec"]["template"]["spec"]["containers"]


def test_our_programs_understand_their_commands(tools, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    for name in ("cluster.key", "token"):
        subprocess.run(["marsctl", "keygen", secret / name], check=True, capture_output=True)
    checked = []
    for container in containers(tools):
        words = [PLACES.get(word, word).replace("/run/secrets/mars", str(secret)) for word in container["command"]]
        words = words[words.index("--") + 1:] if "--" in words else words
        said = subprocess.run([*words, "--check-config"], capture_output=True, text=True)
        assert said.returncode == 0, f"{words}: {said.stdout}{said.stderr}"
        assert {mount["name"] for mount in container["volumeMounts"]} >= {"key"}
        checked.append(words[0])
    assert sorted(checked) == ["mars-scheduler", "mars-web", "mars-worker"]
