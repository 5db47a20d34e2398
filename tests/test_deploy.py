"""Deployment files that must not fall behind: names, addresses and times as the server has them."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from carepick.cli.flags import variable_name
from carepick.cli.main import COMMANDS
from carepick.settings import PREFIX, Settings
from carepick.web.app import create_app
from carepick.web.server import Application

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.iterdir() if path.is_file())
SETTINGS = Settings()


class _Tags(yaml.SafeLoader):
    """Reads !Ref, !Sub and their like as what follows them."""


_Tags.add_multi_constructor("!", lambda loader, _, node: _content(loader, node))


def _content(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return (
        loader.construct_sequence(node, deep=True)
        if isinstance(node, yaml.SequenceNode)
        else loader.construct_mapping(node, deep=True)
    )


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.load_all((DEPLOY / name).read_text(encoding="utf-8"), _Tags))  # a SafeLoader


@pytest.fixture(scope="module")
def container() -> dict[str, Any]:
    return pod()["containers"][0]


def pod() -> dict[str, Any]:
    (deployment,) = (document for document in documents("kubernetes.yaml") if document["kind"] == "Deployment")
    return deployment["spec"]["template"]["spec"]


def drain_seconds() -> int:
    """How long the server may take to answer what it has accepted."""
    return Application(SETTINGS, FakeListener(), None).cfg.graceful_timeout


class FakeListener:
    def detach(self) -> int:
        return 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_variable_is_a_setting_and_every_command_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    names = {variable_name(entry.name) for entry in dataclasses.fields(Settings)}
    assert set(re.findall(PREFIX + r"[A-Z][A-Z_]*[A-Z]", text)) <= names
    assert set(re.findall(r"bin/carepick (\w+)", text)) <= set(COMMANDS)
    assert set(re.findall(r'^CMD \["(\w+)"\]$', text, re.MULTILINE)) <= set(COMMANDS)


def test_probes_ask_routes_on_the_port_that_is_listened_on(container: dict[str, Any]) -> None:
    routes = {rule.rule for rule in create_app(SETTINGS).url_map.iter_rules()}
    assert container["ports"] == [{"name": "http", "containerPort": SETTINGS.port}]
    for kind, route in (("startup", "/readyz"), ("readiness", "/readyz"), ("liveness", "/healthz")):
        assert container[f"{kind}Probe"]["httpGet"] == {"path": route, "port": "http"}
        assert route in routes
    image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert f"EXPOSE {SETTINGS.port}\n" in image
    assert f"'{variable_name('port')}', '{SETTINGS.port}'" in image
    assert "c.request('GET', '/readyz')" in image
    assert f"{{$UPSTREAMS:127.0.0.1:{SETTINGS.port}}}" in (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    resources = documents("cloudformation.yaml")[0]["Resources"]
    assert resources["OpenBackend"]["Properties"]["FromPort"] == SETTINGS.port


def test_nothing_is_killed_before_it_has_answered(container: dict[str, Any]) -> None:
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod()["terminationGracePeriodSeconds"] >= pause + drain_seconds()
    unit = (DEPLOY / "carepick.service").read_text(encoding="utf-8")
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[0]) >= drain_seconds()
    assert int(documents("compose.yaml")[0]["services"]["carepick"]["stop_grace_period"].rstrip("s")) >= drain_seconds()
    assert "STOPSIGNAL SIGTERM" in (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


def test_the_image_holds_what_its_steps_copy_and_no_more() -> None:
    image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    copied = [name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", image, re.MULTILINE) for name in line.split()]
    kept = re.findall(r"^!(.+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(copied) == sorted(kept)
    assert all((ROOT / name).exists() for name in copied)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name in re.findall(r'(?:readme = |license-files = \[)"([^"]+)"', project):
        assert any(fnmatch.fnmatch(name, pattern) for pattern in copied), f"{name} is needed to build the package"


def test_the_container_writes_where_it_may() -> None:
    image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    user = re.findall(r"^USER (\d+):(\d+)$", image, re.MULTILINE)[-1]
    assert (str(pod()["securityContext"]["runAsUser"]), str(pod()["securityContext"]["runAsGroup"])) == user
    cache = re.findall(rf"{variable_name('cache_dir')}=(\S+)", image)[0]
    places = {mount["mountPath"] for mount in pod()["containers"][0]["volumeMounts"]}
    assert places == {"/tmp", cache}
    service = documents("compose.yaml")[0]["services"]["carepick"]
    assert service["tmpfs"] == ["/tmp", f"{cache}:uid={user[0]},gid={user[1]}"]
    assert service["mem_limit"] == service["memswap_limit"], "swap would put texts on disk"


def test_labels_of_the_cluster_lead_to_the_pods() -> None:
    label = {"app.kubernetes.io/name": "carepick"}
    kinds = {document["kind"]: document["spec"] for document in documents("kubernetes.yaml")}
    assert (
        kinds["Deployment"]["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] == label
    )
    assert kinds["Deployment"]["selector"]["matchLabels"] == label
    assert kinds["Service"]["selector"] == label
    assert kinds["PodDisruptionBudget"]["selector"]["matchLabels"] == label
    assert kinds["NetworkPolicy"]["podSelector"]["matchLabels"] == label
    assert kinds["NetworkPolicy"]["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in kinds["NetworkPolicy"], "a server that answers has nobody to call"
    assert kinds["HorizontalPodAutoscaler"]["scaleTargetRef"]["name"] == "carepick"


def test_scripts_are_whole_and_the_stack_names_only_what_it_has(tmp_path: Path) -> None:
    (stack,) = documents("cloudformation.yaml")
    script = stack["Resources"]["Machine"]["Properties"]["UserData"]["Fn::Base64"]
    named = set(re.findall(r"\$\{(\w+)\}", script))
    assert named
    assert named <= {*stack["Parameters"], *stack["Resources"]}
    (tmp_path / "start").write_text(script, encoding="utf-8")
    for path in (tmp_path / "start", DEPLOY / "install"):
        subprocess.run(["bash", "-n", str(path)], check=True)
    for used in re.findall(r"/opt/carepick-source/(\S+)", script):
        assert (ROOT / used).exists()
    for used in re.findall(r"\b(?:deploy|scripts)/[\w.]+", (DEPLOY / "install").read_text(encoding="utf-8")):
        assert (ROOT / used).exists()
