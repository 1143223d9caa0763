"""The manifests, composed and judged: by the schemas of Kubernetes, and against what our code reads, serves and needs.

kubectl composes where it is there and must then agree with the small composer below, which knows just what we use.
"""

import copy
import ipaddress
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from ops.local import plan
from ops.local.state import REPOSITORY
from shared.kafka.admin import SCRAM_ITERATIONS
from shared.reference.files import read
from shared.runtime import STOP_SECONDS
from tests.deploy.test_compose import settings_classes, variables

FOLDER = REPOSITORY / "deploy/k8s"
OVERLAYS = sorted(folder for folder in (FOLDER / "overlays").iterdir())
PROCESSES = [(service, entry) for service in plan.services() for entry in plan.ENTRIES]
KUBERNETES = "1.34.0"
Manifest = dict[str, Any]


def compose(folder: Path) -> list[Manifest]:
    """What `kubectl kustomize` makes of a folder, but for hashes in the names of generated ConfigMaps."""
    settings = yaml.safe_load((folder / "kustomization.yaml").read_text())
    found: list[Manifest] = []
    for name in settings["resources"]:
        path = folder / name
        found += compose(path.resolve()) if path.is_dir() else list(yaml.safe_load_all(path.read_text()))
    for generated in settings.get("configMapGenerator", []):
        data = {Path(name).name: (folder / name).read_text() for name in generated["files"]}
        found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generated["name"]}, "data": data})
    for patch in settings.get("patches", []):
        change = yaml.safe_load(patch["patch"] if "patch" in patch else (folder / patch["path"]).read_text())
        target = {"kind": change["kind"], "name": change["metadata"]["name"]} if "path" in patch else patch["target"]
        for manifest in found:
            if manifest["kind"] == target["kind"] and target.get("name") in (None, manifest["metadata"]["name"]):
                change["metadata"]["name"] = manifest["metadata"]["name"]
                manifest.update(_merged(manifest, change))
    for manifest in found:
        _adjust(manifest, settings)
        _choose_images(manifest, settings)
    return found


def _merged(base: Any, change: Any) -> Any:
    """Strategic merge: maps by key, lists of named things by name, other lists as a whole."""
    if isinstance(base, dict) and isinstance(change, dict):
        return base | {key: _merged(base[key], value) if key in base else value for key, value in change.items()}
    key = "mountPath" if isinstance(change, list) and change and "mountPath" in change[0] else "name"
    if isinstance(base, list) and all(isinstance(item, dict) and key in item for item in [*base, *change]):
        changes = {item[key]: item for item in change}
        known = {item[key] for item in base}
        return [_merged(item, changes.get(item[key], {})) for item in base] + [i for i in change if i[key] not in known]
    return copy.deepcopy(change)


def _adjust(manifest: Manifest, settings: Manifest) -> None:
    """Prefix, labels, namespace and replicas, as a kustomization.yaml says."""
    metadata = manifest["metadata"]
    if prefix := settings.get("namePrefix"):
        metadata["name"] = prefix + metadata["name"]
        if manifest["kind"] == "HorizontalPodAutoscaler":
            manifest["spec"]["scaleTargetRef"]["name"] = metadata["name"]
    for labels in settings.get("labels", []):
        metadata["labels"] = metadata.get("labels", {}) | labels["pairs"]
        for selector in _label_maps(manifest):
            selector.update(labels["pairs"])
    if "namespace" in settings and manifest["kind"] != "Namespace":
        metadata["namespace"] = settings["namespace"]
    for count in settings.get("replicas", []):
        if manifest["kind"] == "Deployment" and metadata["name"] == count["name"]:
            manifest["spec"]["replicas"] = count["count"]


def _choose_images(manifest: Manifest, settings: Manifest) -> None:
    for image in settings.get("images", []):
        for container in _pod(manifest).get("containers", []):
            if container["image"].partition(":")[0] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"


def _pod(manifest: Manifest) -> dict[str, Any]:
    pod: dict[str, Any] = manifest.get("spec", {}).get("template", {}).get("spec", {})
    return pod


def _label_maps(manifest: Manifest) -> Iterator[dict[str, str]]:
    spec = manifest.get("spec", {})
    if manifest["kind"] == "Service":
        yield spec["selector"]
    elif manifest["kind"] in ("Deployment", "PodDisruptionBudget"):
        yield spec["selector"]["matchLabels"]
    if manifest["kind"] == "Deployment":
        yield spec["template"]["metadata"]["labels"]
        for constraint in spec["template"]["spec"]["topologySpreadConstraints"]:
            yield constraint["labelSelector"]["matchLabels"]


DISTRICT = compose(FOLDER / "overlays/district")


def _of(kind: str, manifests: list[Manifest] = DISTRICT) -> dict[str, Manifest]:
    return {m["metadata"]["name"]: m for m in manifests if m["kind"] == kind}


PODS = {name: m["spec"]["template"] for kind in ("Deployment", "Job") for name, m in _of(kind).items()}


def _environment(name: str) -> dict[str, Any]:
    """Value by variable; of a secret its name and key."""
    container = PODS[name]["spec"]["containers"][0]
    maps = _of("ConfigMap")
    found = {
        k: v for source in container.get("envFrom", []) for k, v in maps[source["configMapRef"]["name"]]["data"].items()
    }
    for item in container.get("env", []):
        secret = item.get("valueFrom", {}).get("secretKeyRef")
        found[item["name"]] = f"{secret['name']}/{secret['key']}" if secret else item["value"]
    return found


def test_kubectl_composes_the_same() -> None:
    if shutil.which("kubectl") is None:  # then the other tests rest on our composer alone
        return
    for folder in [FOLDER / "base", *OVERLAYS]:
        command = ["kubectl", "kustomize", "--load-restrictor", "LoadRestrictionsNone", str(folder)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        theirs = list(yaml.safe_load_all(result.stdout))
        generated = {m["metadata"]["name"]: m["metadata"]["name"].rsplit("-", 1)[0] for m in theirs if _is_generated(m)}
        text = json.dumps(theirs)
        for hashed, plain in generated.items():
            text = text.replace(f'"{hashed}"', f'"{plain}"')
        assert _comparable(json.loads(text)) == _comparable(compose(folder))


def _is_generated(manifest: Manifest) -> bool:
    name: str = manifest["metadata"]["name"]
    return manifest["kind"] == "ConfigMap" and name.startswith(("caddyfile-", "reference-"))


def _comparable(manifests: list[Manifest]) -> dict[tuple[str, str], str]:
    """Order of lists that Kubernetes reads as sets does not count."""

    def sort(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: sort(item) for key, item in value.items()}
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return sorted((sort(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
        return value

    return {(m["kind"], m["metadata"]["name"]): json.dumps(sort(m), sort_keys=True) for m in manifests}


@pytest.mark.parametrize("manifest", DISTRICT, ids=lambda m: f"{m['kind']}-{m['metadata']['name']}")
def test_schema(manifest: Manifest) -> None:
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_schema_refuses_a_misspelt_field() -> None:
    wrong = copy.deepcopy(_of("Deployment")["intake-api"])
    wrong["spec"]["template"]["spec"]["terminationGracePeriodSecond"] = 30
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)


def test_every_file_is_listed() -> None:
    for kustomization in FOLDER.rglob("kustomization.yaml"):
        settings = yaml.safe_load(kustomization.read_text())
        listed = set(settings["resources"]) | {
            patch["path"] for patch in settings.get("patches", []) if "path" in patch
        }
        beside = {path.name for path in kustomization.parent.iterdir()} - {"kustomization.yaml"}
        if kustomization.parent == FOLDER / "base":
            beside -= {"api", "worker"}  # each service takes them
        assert {name for name in listed if not name.startswith("..")} == beside, kustomization


def test_every_process_of_every_service_is_there() -> None:
    assert set(_of("Deployment")) == {f"{service}-{entry}" for service, entry in PROCESSES} | {"front"}
    for service, entry in PROCESSES:
        assert PODS[f"{service}-{entry}"]["spec"]["containers"][0]["args"] == [f"services.{service}", entry]


@pytest.mark.parametrize(("service", "entry"), PROCESSES)
def test_environment_is_what_the_settings_read(service: str, entry: str) -> None:
    classes, given = settings_classes(service, entry), _environment(f"{service}-{entry}")
    assert set(given) <= variables(classes)
    assert variables(classes, required=True) <= set(given)
    assert given["QIANSHAO_ENVIRONMENT"] == "production"
    assert given["QIANSHAO_HTTP_HOST"] == "0.0.0.0"  # noqa: S104
    assert given["QIANSHAO_MONGO_URI"] == f"{service}-mongo/uri"
    if entry == plan.WORKER:
        assert given["QIANSHAO_KAFKA_SECURITY"] == "SASL_SSL"
        assert (given["QIANSHAO_KAFKA_USERNAME"], given["QIANSHAO_KAFKA_PASSWORD"]) == (
            service,
            f"{service}-kafka/password",
        )


@pytest.mark.parametrize("name", sorted(PODS))
def test_every_pod_is_restricted(name: str) -> None:
    """As Pod Security's level `restricted` asks, which the namespace enforces, and a read-only root beyond that."""
    spec = PODS[name]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] in _of("ServiceAccount")
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec)
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"]["drop"] == ["ALL"]
        assert set(context["capabilities"].get("add", [])) <= {"NET_BIND_SERVICE"}
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"]["memory"]
        image, _, tag = container["image"].partition(":")
        assert tag[:1].isdigit(), f"{image}: a version, not {tag or 'latest'}"
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounts["tmp"] == "/tmp"  # noqa: S108
        assert set(mounts) == {volume["name"] for volume in spec["volumes"]}
    assert all(set(v) - {"name"} <= {"emptyDir", "configMap", "secret"} for v in spec["volumes"])
    assert _of("Namespace")["qianshao"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("name", [f"{service}-{entry}" for service, entry in PROCESSES])
def test_probes_ask_what_the_process_serves(name: str) -> None:
    container = PODS[name]["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert str(ports["http"]) == _environment(name)["QIANSHAO_HTTP_PORT"]
    health = (REPOSITORY / "shared/web/health.py").read_text()
    for probe, path in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": "http"}
        assert f'"{path}"' in health
    annotations = PODS[name]["metadata"]["annotations"]
    assert annotations == {"prometheus.io/scrape": "true", "prometheus.io/port": str(ports["http"])}


@pytest.mark.parametrize("name", sorted(_of("Deployment")))
def test_a_pod_may_end_in_its_own_time(name: str) -> None:
    spec = PODS[name]["spec"]
    lifecycle = spec["containers"][0].get("lifecycle", {"preStop": {"sleep": {"seconds": 0}}})
    assert spec["terminationGracePeriodSeconds"] > STOP_SECONDS + lifecycle["preStop"]["sleep"]["seconds"]
    assert spec["topologySpreadConstraints"]


def test_selectors_find_exactly_their_pods() -> None:
    for manifest in DISTRICT:
        name = manifest["metadata"]["name"]
        if manifest["kind"] in ("Service", "PodDisruptionBudget"):
            selector = manifest["spec"]["selector"]
            wanted = selector.get("matchLabels", selector)
            matching = [
                pod for pod, template in PODS.items() if wanted.items() <= template["metadata"]["labels"].items()
            ]
            assert matching == [name]
        if manifest["kind"] == "Deployment":
            wanted = manifest["spec"]["selector"]["matchLabels"].items()
            assert [pod for pod, t in PODS.items() if wanted <= t["metadata"]["labels"].items()] == [name]
            (spread,) = PODS[name]["spec"]["topologySpreadConstraints"]
            assert spread["labelSelector"]["matchLabels"].items() <= wanted
        if manifest["kind"] == "HorizontalPodAutoscaler":
            assert manifest["spec"]["scaleTargetRef"]["name"] == name
            assert name in _of("Deployment")
            assert "replicas" not in _of("Deployment")[name]["spec"], "it decides, nobody else"


def test_front_door_leads_to_every_api() -> None:
    environment, services = _environment("front"), _of("Service")
    for service in plan.services():
        host, _, port = environment[f"QIANSHAO_{service.upper()}_API"].partition(":")
        assert services[host]["spec"]["ports"][0]["port"] == int(port)
        assert services[host]["spec"]["ports"][0]["targetPort"] == "http"
    assert environment["QIANSHAO_FRONT"] == f":{PODS['front']['spec']['containers'][0]['ports'][0]['containerPort']}"
    assert _of("ConfigMap")["caddyfile"]["data"]["Caddyfile"] == (REPOSITORY / "deploy/local/Caddyfile").read_text()


def test_reference_data_is_whole_and_fits() -> None:
    mounted = _of("ConfigMap")["reference"]["data"]
    assert {name: text.encode() for name, text in mounted.items()} == read(REPOSITORY / "deploy/reference/beidajie")
    assert sum(map(len, mounted.values())) < 900 * 1024, "a ConfigMap holds 1 MiB"


def test_network_denies_by_default_and_apis_do_not_reach_kafka() -> None:
    policies = _of("NetworkPolicy")
    assert policies["default-deny"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    components = {template["metadata"]["labels"]["app.kubernetes.io/component"] for template in PODS.values()}
    named = set()
    for policy in policies.values():
        selector = policy["spec"]["podSelector"]
        named |= set(selector.get("matchLabels", {}).values())
        terms = [term for term in selector.get("matchExpressions", []) if term["key"].endswith("/component")]
        named |= {value for term in terms for value in term["values"]}
    assert named == components
    (kafka,) = policies["workers-to-kafka"]["spec"]["podSelector"]["matchExpressions"]
    assert set(kafka["values"]) == {"worker", "topics"}
    (port,) = policies["workers-to-kafka"]["spec"]["egress"][0]["ports"]
    assert _of("ConfigMap")["settings-kafka"]["data"]["QIANSHAO_KAFKA_BOOTSTRAP"].endswith(f":{port['port']}")


def test_only_the_workers_that_send_reach_outside_and_nothing_inside() -> None:
    outside = {
        name: policy["spec"]
        for name, policy in _of("NetworkPolicy").items()
        if any("ipBlock" in to for rule in policy["spec"].get("egress", []) for to in rule["to"])
    }
    assert set(outside) == {"senders-to-outside"}
    selector = outside["senders-to-outside"]["podSelector"]
    assert selector["matchLabels"] == {"app.kubernetes.io/component": "worker"}
    assert selector["matchExpressions"][0]["values"] == ["notify", "dispatch"]
    (rule,) = outside["senders-to-outside"]["egress"]
    blocked = [ipaddress.ip_network(text) for text in rule["to"][0]["ipBlock"]["except"]]
    for inside in ("10.1.2.3", "172.20.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"):
        assert any(ipaddress.ip_address(inside) in network for network in blocked), inside


def test_topics_are_declared_for_three_brokers() -> None:
    arguments = PODS["topics"]["spec"]["containers"][0]["args"]
    assert arguments[:3] == ["ops.main", "topics", "apply"]
    assert {"--replication=3", "--min-insync=2"} <= set(arguments)
    assert SCRAM_ITERATIONS >= 8192
    environment = _environment("topics")
    assert environment["QIANSHAO_KAFKA_USERNAME"] == "kafka-admin/username"
    assert environment["QIANSHAO_REFERENCE"] in [
        m["mountPath"] for m in PODS["topics"]["spec"]["containers"][0]["volumeMounts"]
    ]


def test_district_runs_two_of_each_and_is_disrupted_one_at_a_time() -> None:
    for service, entry in PROCESSES:
        name = f"{service}-{entry}"
        if entry == plan.API:
            assert _of("HorizontalPodAutoscaler")[name]["spec"]["minReplicas"] == 2
        else:
            assert _of("Deployment")[name]["spec"]["replicas"] == 2
        assert _of("PodDisruptionBudget")[name]["spec"]["maxUnavailable"] == 1


def test_no_secret_and_no_demo_key_is_in_the_files() -> None:
    assert not _of("Secret")
    for file in (path for path in FOLDER.rglob("*") if path.is_file()):
        assert "demo-" not in file.read_text(), file


def test_readme_names_every_object_that_is_made_first() -> None:
    readme = (FOLDER / "README.md").read_text()
    for template in PODS.values():
        for volume in template["spec"]["volumes"]:
            name = volume.get("secret", {}).get("secretName") or volume.get("configMap", {}).get("name")
            assert name is None or name in _of("ConfigMap") or f"`{name}`" in readme, name
