"""The chart under Helm itself (as a library), and its manifests under Kubernetes's own schemas."""

import json
from pathlib import Path
from typing import Any

import pytest
from deploy.deploy_tools import DEPLOY, ROOT, run, said
from ruamel.yaml import YAML

pytestmark = pytest.mark.slow

CHART = DEPLOY / "helm" / "crm-kare"
FILES = {"crm-kare.yaml": 'version: 1\nname: "a: b"\n', "mappings/salesforce.yaml": "version: 1\n"}
LOGINS = {"existingSecret": "logins"}
PLAIN: dict[str, Any] = {"project": {"files": FILES}, "secrets": LOGINS}
FULL: dict[str, Any] = {
    **PLAIN,
    "image": {"repository": "registry.example.com/crm-kare", "digest": f"sha256:{'0' * 64}"},
    "imagePullSecrets": [{"name": "pull"}],
    "persistence": {"storageClass": "fast", "size": "50Gi"},
    "serviceAccount": {"annotations": {"example.com/role": "crm"}},
    "podAnnotations": {"example.com/a": "b"},
    "podLabels": {"team": "sales-operations"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "networkPolicy": {"ingressFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]},
    "monitoring": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True},
    },
}
OTHERS: dict[str, Any] = {
    "project": {"existingConfigMap": "ours", "existingFiles": ["crm-kare.yaml", "playbooks/keep.md"]},
    "secrets": LOGINS,
    "persistence": {"enabled": False},
    "serviceAccount": {"create": False},
    "podDisruptionBudget": {"enabled": False},
    "networkPolicy": {"enabled": False},
}
CASES: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "full": FULL,
    "others": OTHERS,
    "no secret": {"project": {"files": FILES}},
    "no project": {"secrets": LOGINS},
    "a project without its file": {"project": {"files": {"rulebook.yaml": "x"}}, "secrets": LOGINS},
    "paths not told": {"project": {"existingConfigMap": "ours"}, "secrets": LOGINS},
    "two pods": {**PLAIN, "replicaCount": 2},
    "a path that leads out": {"project": {"files": {**FILES, "../x": "y"}}, "secrets": LOGINS},
    "a port that is text": {**PLAIN, "service": {"port": "8731"}},
    "a tag for a digest": {**PLAIN, "image": {"repository": "x", "digest": "latest"}},
}
Manifests = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What Helm says of all cases."""
    script = Path(__file__).with_name("helm_cases.py")
    done = run("python", script, CHART, given=json.dumps(CASES))
    assert done.returncode == 0, said(done)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def manifests(told: dict[str, Any], case: str) -> Manifests:
    """By kind; each is there once."""
    files = told["answers"][case]["files"]
    texts = [text for name, text in files.items() if not name.endswith("NOTES.txt")]
    found = [one for text in texts for one in YAML(typ="safe").load_all(text) if one]
    assert len({one["kind"] for one in found}) == len(found)
    return {one["kind"]: one for one in found}


def pod(told: dict[str, Any], case: str) -> dict[str, Any]:
    spec: dict[str, Any] = manifests(told, case)["Deployment"]["spec"]["template"]["spec"]
    return spec


def test_helms_linter_finds_nothing_wrong(told: dict[str, Any]) -> None:
    assert told["lint"]["total_charts_linted"] == 1
    assert told["lint"]["errors"] == []
    assert [one["error"] for one in told["lint"]["messages"]] == ["icon is recommended"]


def test_kinds_come_as_asked(told: dict[str, Any]) -> None:
    always = {"Deployment", "Service"}
    own = {"ConfigMap", "PersistentVolumeClaim", "ServiceAccount", "PodDisruptionBudget", "NetworkPolicy"}
    assert set(manifests(told, "plain")) == always | own
    assert set(manifests(told, "full")) == always | own | {"ServiceMonitor", "PrometheusRule"}
    assert set(manifests(told, "others")) == always


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("no secret", "secrets.existingSecret"), ("no project", "project.files needs crm-kare.yaml"),
        ("a project without its file", "project.files needs crm-kare.yaml"), ("paths not told", "project.existingFiles"),
        ("two pods", "replicaCount"), ("a path that leads out", "../x"), ("a port that is text", "/service/port"), ("a tag for a digest", "/image/digest"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_its_name(told: dict[str, Any], case: str, words: str) -> None:
    assert words in told["answers"][case]["error"]


@pytest.mark.parametrize("case", ["plain", "full", "others"])
def test_the_pod_meets_the_restricted_standard_with_a_read_only_root(told: dict[str, Any], case: str) -> None:
    spec = pod(told, case)
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert not any(name in spec for name in ("hostNetwork", "hostPID", "hostIPC"))
    assert set(container["resources"]["limits"]) == {"memory"}


def test_no_secret_stands_in_a_manifest(told: dict[str, Any]) -> None:
    assert {one["name"] for one in pod(told, "full")["containers"][0]["env"]} == {"CRM_KARE_SECRETS"}
    (secret,) = [one["secret"] for one in pod(told, "full")["volumes"] if "secret" in one]
    assert secret == {"secretName": "logins", "defaultMode": 0o440}


def test_each_file_of_the_project_is_mounted_where_the_project_names_it(told: dict[str, Any]) -> None:
    kept = manifests(told, "plain")["ConfigMap"]["data"]
    for case, paths in (("plain", list(FILES)), ("others", OTHERS["project"]["existingFiles"])):
        mounts = pod(told, case)["containers"][0]["volumeMounts"]
        files = {one["mountPath"]: one for one in mounts if one["name"] == "project"}
        assert set(files) == {f"/project/{path}" for path in paths}
        assert all(one["readOnly"] for one in files.values())
        if case == "plain":
            assert {path: kept[files[f"/project/{path}"]["subPath"]] for path in FILES} == FILES


def test_a_new_content_makes_a_new_pod_and_two_pods_never_share_the_volume(told: dict[str, Any]) -> None:
    plain, full = manifests(told, "plain")["Deployment"]["spec"], manifests(told, "full")["Deployment"]["spec"]
    assert plain["strategy"] == {"type": "Recreate"}
    assert plain["replicas"] == 1
    assert full["template"]["metadata"]["annotations"]["checksum/project"]
    assert pod(told, "others")["volumes"][0] == {"name": "state", "emptyDir": {}}


def test_probes_ask_what_the_daemon_answers(told: dict[str, Any]) -> None:
    (container,) = pod(told, "plain")["containers"]
    asked = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert [one["path"] for one in asked.values()] == ["/healthz", "/healthz", "/readyz"]
    assert {one["port"] for one in asked.values()} == {"http"}
    assert container["args"] == ["serve", "--host", "0.0.0.0"]  # noqa: S104  a pod's own address


def test_selectors_find_the_pod(told: dict[str, Any]) -> None:
    found = manifests(told, "full")
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    matched = [found["Service"]["spec"]["selector"]]
    matched += [found[kind]["spec"]["selector"]["matchLabels"] for kind in ("Deployment", "PodDisruptionBudget")]
    matched.append(found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"])
    assert all(one and one.items() <= labels.items() for one in matched)
    monitored = found["ServiceMonitor"]["spec"]["selector"]["matchLabels"]
    assert monitored.items() <= found["Service"]["metadata"]["labels"].items()
    assert found["Service"]["spec"]["ports"][0]["name"] == found["ServiceMonitor"]["spec"]["endpoints"][0]["port"]


def test_the_network_is_closed_but_for_what_is_named(told: dict[str, Any]) -> None:
    closed, opened = manifests(told, "plain")["NetworkPolicy"]["spec"], manifests(told, "full")["NetworkPolicy"]["spec"]
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert closed["ingress"] == []
    assert opened["ingress"][0]["from"] == FULL["networkPolicy"]["ingressFrom"]
    assert [one["port"] for one in closed["egress"][0]["ports"]] == [53, 53, 443, 5432]


def test_the_rules_go_along_as_they_are(told: dict[str, Any]) -> None:
    rules = YAML(typ="safe").load(DEPLOY / "alerts" / "rules.yaml")
    assert manifests(told, "full")["PrometheusRule"]["spec"] == rules


def test_every_value_is_in_the_schema_and_the_other_way_round() -> None:
    def leaves(values: Any, schema: dict[str, Any], path: str = "") -> None:
        known = schema.get("properties")
        if known is None:
            return
        assert set(values) == set(known) - {"global", "nameOverride", "fullnameOverride"}, path
        for name, one in values.items():
            leaves(one, known[name], f"{path}.{name}")

    leaves(YAML(typ="safe").load(CHART / "values.yaml"), json.loads((CHART / "values.schema.json").read_text()))


def test_versions_are_the_programs() -> None:
    chart = YAML(typ="safe").load(CHART / "Chart.yaml")
    assert f'version = "{chart["appVersion"]}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("version", ["1.27", "1.34"])
def test_manifests_pass_kubernetes_own_schemas(told: dict[str, Any], tmp_path: Path, version: str) -> None:
    for case in ("plain", "full", "others"):
        for kind, manifest in manifests(told, case).items():
            if "monitoring.coreos.com" not in manifest["apiVersion"]:
                (tmp_path / f"{case}-{kind}.json").write_text(json.dumps(manifest))
    done = run("kubernetes-validate", "--strict", "-k", version, *sorted(tmp_path.iterdir()))
    assert done.returncode == 0, said(done)
    wrong = manifests(told, "plain")["Deployment"]
    wrong["spec"]["template"]["spec"]["containers"][0]["imagePullPolicyy"] = "Always"
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    assert run("kubernetes-validate", "--strict", "-k", version, tmp_path / "wrong.json").returncode != 0
