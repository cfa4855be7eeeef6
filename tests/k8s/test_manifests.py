"""Promises of the manifests, as kustomize renders them: what every pod may do and asks for."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.settings import SERVICES, ShopSettings
from plait.console.settings import ConsoleSettings
from plait.local.config import load
from plait.mesh.health import LIVENESS
from plait.settings import ServiceSettings
from tests.k8s.conftest import ROOT, TAG

pytestmark = pytest.mark.foreign

OVERLAYS = ("kind", "kind-two-nodes", "production")
NAMES = sorted(service.name for service in load(ROOT, {}).services)
WORKLOADS = ("Deployment", "StatefulSet", "Job")
RUN_BY_OTHERS = {"jaeger", "postgres"}
BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


@pytest.fixture(params=OVERLAYS)
def manifests(request, rendered):
    return rendered(request.param)


@pytest.fixture
def kind(rendered):
    return rendered("kind")


def of(manifests, *kinds):
    return [each for each in manifests if each["kind"] in kinds]


def one(manifests, kind, name):
    [found] = [each for each in of(manifests, kind) if each["metadata"]["name"] == name]
    return found


def pods(manifests) -> Iterator[tuple[str, dict]]:
    """The pod templates: the name of each workload, and the template's spec."""
    for each in of(manifests, *WORKLOADS):
        yield each["metadata"]["name"], each["spec"]["template"]["spec"]


def containers(manifests) -> Iterator[tuple[str, dict]]:
    for name, spec in pods(manifests):
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            yield f"{name}/{container['name']}", container


def servers(manifests):
    return of(manifests, "Deployment", "StatefulSet")


def labels(workload):
    return workload["spec"]["template"]["metadata"]["labels"]


def selects(selector, found) -> bool:
    return bool(selector) and selector.items() <= found.items()


def test_there_is_something_to_look_at(manifests):
    assert len(list(containers(manifests))) > 3


def test_no_pod_runs_as_root_or_may_become_it(manifests):
    for name, spec in pods(manifests):
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert isinstance(context["runAsUser"], int), name
        assert context["runAsUser"] > 0, name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            assert key not in spec, name
        assert all("hostPath" not in volume for volume in spec.get("volumes", [])), name


def test_no_container_can_do_more_than_run(manifests):
    for name, container in containers(manifests):
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True, name
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["capabilities"] == {"drop": ["ALL"]}, name
        assert "privileged" not in context, name


def test_the_namespace_refuses_pods_that_could_do_more(manifests):
    namespace = one(manifests, "Namespace", "shop")

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_every_container_says_what_it_needs_and_what_it_may_take(manifests):
    for name, container in containers(manifests):
        resources = container["resources"]
        for resource, number in (("cpu", cpu), ("memory", memory)):
            asked, most = (number(resources[key][resource]) for key in ("requests", "limits"))
            assert 0 < asked <= most, f"{name} {resource}"


def cpu(text: str) -> float:
    return float(text.removesuffix("m")) / 1000 if text.endswith("m") else float(text)


def memory(text: str) -> float:
    return float(text[:-2]) * BYTES[text[-2:]]


def test_every_image_has_a_tag_that_means_one_thing(manifests):
    for name, container in containers(manifests):
        repository, _, tag = container["image"].partition(":")
        ours = repository.startswith("shop/")
        assert container["imagePullPolicy"] == "IfNotPresent", name
        assert tag == TAG if ours else re.fullmatch(r"[0-9][0-9.]*", tag), f"{name}: {tag}"


def test_every_server_has_three_probes(manifests):
    for workload in servers(manifests):
        for container in workload["spec"]["template"]["spec"]["containers"]:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert probe in container, workload["metadata"]["name"]


def test_a_start_may_take_a_minute_at_least(manifests):
    for workload in servers(manifests):
        for container in workload["spec"]["template"]["spec"]["containers"]:
            probe = container["startupProbe"]
            assert probe["periodSeconds"] * probe["failureThreshold"] >= 60


def test_a_service_is_restarted_for_its_process_alone_and_called_when_it_is_ready(manifests):
    for name in deployed(manifests):
        [container] = one(manifests, "Deployment", name)["spec"]["template"]["spec"]["containers"]
        alive = {"port": 9080, "service": LIVENESS}
        assert container["startupProbe"]["grpc"] == alive
        assert container["livenessProbe"]["grpc"] == alive
        assert container["readinessProbe"]["grpc"] == {"port": 9080}


def deployed(manifests) -> list[str]:
    found = [each["metadata"]["name"] for each in of(manifests, "Deployment")]
    return [name for name in NAMES if name in found]


def test_the_gateway_is_not_restarted_because_it_drains(manifests):
    [container] = one(manifests, "Deployment", "gateway")["spec"]["template"]["spec"]["containers"]

    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/healthz"


def test_every_probe_asks_a_port_that_the_container_has(manifests):
    for workload in servers(manifests):
        for container in workload["spec"]["template"]["spec"]["containers"]:
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            known = {*ports, *ports.values()}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                for how in ("grpc", "httpGet", "tcpSocket"):
                    if how in container[probe]:
                        assert container[probe][how]["port"] in known


def test_a_pod_has_time_to_drain(manifests):
    settings = ServiceSettings(database_url="sqlite:///x.db")

    for workload in servers(manifests):
        seconds = workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        assert seconds == 40
        assert seconds >= settings.drain_delay + settings.drain_grace + 2 + 5


def test_no_pod_can_ask_the_api_server(manifests):
    for account in of(manifests, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False
    for name, spec in pods(manifests):
        assert spec["automountServiceAccountToken"] is False, name
    assert not of(manifests, "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


def test_every_pod_has_an_account_of_its_own_name(manifests):
    accounts = {account["metadata"]["name"] for account in of(manifests, "ServiceAccount")}

    for workload in of(manifests, *WORKLOADS):
        account = workload["spec"]["template"]["spec"]["serviceAccountName"]
        assert account in accounts
        assert account == labels(workload)["app.kubernetes.io/name"]


def test_a_token_is_for_one_callee_and_lies_under_its_name(manifests):
    for name, spec in pods(manifests):
        for token in tokens(spec):
            assert token["audience"] == f"services/{token['path']}", name
            assert token["path"] in NAMES, name
            assert token["path"] != name
            assert 600 <= token["expirationSeconds"] <= 3600, name


def tokens(spec) -> list[dict]:
    return [
        source["serviceAccountToken"]
        for volume in spec.get("volumes", [])
        for source in volume.get("projected", {}).get("sources", [])
    ]


def test_the_gateway_has_a_token_for_each_service_that_it_shows(manifests):
    spec = one(manifests, "Deployment", "gateway")["spec"]["template"]["spec"]

    assert {token["path"] for token in tokens(spec)} == {each.name for each in SERVICES.values()}


def test_who_has_a_token_for_a_service_is_let_in_and_who_is_let_in_has_one(kind):
    callers = {(name, token["path"]) for name, spec in pods(kind) for token in tokens(spec)}
    let_in = {
        (caller, policy["metadata"]["name"])
        for policy in of(kind, "NetworkPolicy")
        if policy["metadata"]["name"] in NAMES
        for rule in policy["spec"]["ingress"]
        for peer in rule["from"]
        for expression in peer["podSelector"]["matchExpressions"]
        for caller in expression["values"]
    }

    assert callers <= let_in
    assert {callee for _, callee in let_in} == set(deployed(kind))


def test_every_service_of_the_shop_is_in_the_cluster(kind):
    assert deployed(kind) == NAMES


def test_by_default_nobody_is_let_in(manifests):
    policy = one(manifests, "NetworkPolicy", "by-default")["spec"]

    assert policy["podSelector"] == {}
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy.get("ingress", []) == []


def test_every_server_has_a_policy_that_says_who_may_come_in(manifests):
    for workload in servers(manifests):
        policies = [
            policy["spec"]
            for policy in of(manifests, "NetworkPolicy")
            if selects(policy["spec"]["podSelector"].get("matchLabels"), labels(workload))
        ]
        [policy] = policies
        assert policy["policyTypes"] == ["Ingress"]
        assert policy["ingress"]
        assert all(rule.get("ports") for rule in policy["ingress"])


def test_a_policy_names_ports_that_there_are(manifests):
    ports = {
        port["name"]
        for _, container in containers(manifests)
        for port in container.get("ports", [])
    }

    for policy in of(manifests, "NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []):
            assert {port["port"] for port in rule["ports"]} <= ports


def test_a_drained_node_takes_one_pod_of_a_server_at_a_time(manifests):
    for workload in servers(manifests):
        [budget] = [
            each["spec"]
            for each in of(manifests, "PodDisruptionBudget")
            if selects(each["spec"]["selector"]["matchLabels"], labels(workload))
        ]
        assert budget["maxUnavailable"] == 1
        assert "minAvailable" not in budget


def test_a_rollout_takes_no_pod_before_the_next_is_ready(manifests):
    for workload in of(manifests, "Deployment"):
        name = workload["metadata"]["name"]
        if name not in {"console", "jaeger"}:  # what they keep is in memory
            assert workload["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0, name


def test_every_service_is_headless_but_those_that_lead_in_from_outside(manifests):
    for service in of(manifests, "Service"):
        outside = service["metadata"]["name"].endswith("-outside")
        assert (service["spec"].get("type") in {"NodePort", "LoadBalancer"}) is outside
        assert (service["spec"].get("clusterIP") == "None") is not outside


def test_every_service_leads_to_the_pods_of_one_server_and_to_no_job(manifests):
    for service in of(manifests, "Service"):
        selector = service["spec"]["selector"]
        found = [each for each in of(manifests, *WORKLOADS) if selects(selector, labels(each))]
        [workload] = found
        assert workload["kind"] != "Job"
        [container] = workload["spec"]["template"]["spec"]["containers"]
        names = {port["name"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names


def test_the_ways_in_are_mapped_to_loopback_alone(kind):
    text = (ROOT / "k8s" / "kind.yaml").read_text(encoding="utf-8")
    mappings = re.findall(r"\{listenAddress: (\S+), hostPort: (\d+), containerPort: (\d+)\}", text)
    ports = {
        port["nodePort"]
        for service in of(kind, "Service")
        for port in service["spec"]["ports"]
        if "nodePort" in port
    }

    assert {address for address, _, _ in mappings} == {"127.0.0.1"}
    assert text.count("hostPort") == len(mappings)
    assert ports <= {int(inside) for _, _, inside in mappings}
    assert {int(outside) for _, outside, _ in mappings} == {8080, 8090, 9090, 16686}


def test_everything_carries_the_labels_that_tools_know(manifests):
    for each in of(manifests, *WORKLOADS, "Service", "PodDisruptionBudget"):
        found = each["metadata"]["labels"]
        for label in ("name", "component", "part-of", "managed-by"):
            assert f"app.kubernetes.io/{label}" in found, each["metadata"]["name"]
        if each["kind"] in WORKLOADS:
            assert labels(each)["app.kubernetes.io/part-of"] == "shop"


def test_everything_is_in_the_namespace(manifests):
    assert {
        each["metadata"].get("namespace") for each in manifests if each["kind"] != "Namespace"
    } == {"shop"}


@pytest.mark.parametrize("name", NAMES)
def test_a_service_waits_for_a_migration_that_is_named_by_its_version(manifests, name):
    job = one(manifests, "Job", f"{name}-migrate-{TAG}")
    deployment = one(manifests, "Deployment", name)
    [migrate] = job["spec"]["template"]["spec"]["containers"]
    [wait] = deployment["spec"]["template"]["spec"]["initContainers"]
    folder = "services/$(SERVICE)/migrations"

    assert migrate["args"] == ["plait.data.schema", "migrate", folder]
    assert wait["args"] == ["plait.data.schema", "wait", folder]
    assert migrate["image"] == wait["image"] == f"shop/{name}:{TAG}"
    assert job["spec"]["ttlSecondsAfterFinished"] > 0
    assert (ROOT / "services" / name / "migrations").is_dir()


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_run_by_its_name(manifests, name):
    [container] = one(manifests, "Deployment", name)["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each for each in container["env"]}
    field = variables["SERVICE"]["valueFrom"]["fieldRef"]["fieldPath"]

    assert container["args"] == ["services.$(SERVICE).main"]
    assert field == "metadata.labels['app.kubernetes.io/name']"
    assert (ROOT / "services" / name / "main.py").is_file()


def test_every_name_of_a_secret_or_a_setting_leads_to_one(kind):
    known = {(each["kind"], each["metadata"]["name"]) for each in kind}
    wanted = {
        (sort, name) for _, spec in pods(kind) for sort, name in (*mounted(spec), *set_by(spec))
    }

    assert {sort for sort, _ in wanted} == {"ConfigMap", "Secret"}
    assert wanted <= known


def mounted(spec) -> Iterator[tuple[str, str]]:
    for volume in spec.get("volumes", []):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]


def set_by(spec) -> Iterator[tuple[str, str]]:
    for container in spec["containers"]:
        for source in container.get("envFrom", []):
            if not source["configMapRef"].get("optional"):
                yield "ConfigMap", source["configMapRef"]["name"]


def test_every_setting_is_one_that_a_process_reads(manifests):
    kinds = (ServiceSettings, ShopSettings, ConsoleSettings)
    known = {
        "PORT",
        "LOG_LEVEL",
        *(f"PLAIT_{field.upper()}" for kind in kinds for field in kind.model_fields),
    }
    targets = {f"PLAIT_TARGET_{name.upper()}" for name in NAMES}

    for config in of(manifests, "ConfigMap"):
        name = config["metadata"]["name"].rpartition("-")[0]
        if name in {"shop", "gateway", "console"}:
            keys = {key for key in config["data"] if not key.startswith("OTEL_")}
            assert keys <= known | targets, name
            assert targets <= keys or name != "shop"


def test_a_target_is_a_name_for_all_pods_of_the_service(kind):
    [config] = [
        each["data"] for each in of(kind, "ConfigMap") if "PLAIT_WORKLOAD_ISSUER" in each["data"]
    ]

    for name in NAMES:
        target = config[f"PLAIT_TARGET_{name.upper()}"]
        assert target == f"dns:///{name}.shop.svc.cluster.local:9090"
        [port] = one(kind, "Service", name)["spec"]["ports"]
        assert port["port"] == 9090


def test_a_changed_setting_or_secret_is_a_new_pod(kind):
    for each in of(kind, "ConfigMap", "Secret"):
        name = each["metadata"]["name"]
        if name != "workload-jwks":  # read anew where it is mounted
            assert re.search(r"-[a-z0-9]{10}$", name), name


def test_the_production_overlay_brings_no_database_no_traces_and_no_secret(rendered):
    production = rendered("production")
    names = {each["metadata"]["name"] for each in of(production, "Deployment", "StatefulSet")}

    assert not names & RUN_BY_OTHERS
    assert not of(production, "Secret")


def test_in_production_every_server_has_two_replicas_at_least(rendered):
    for workload in servers(rendered("production")):
        assert workload["spec"]["replicas"] >= 2, workload["metadata"]["name"]


def test_in_kind_every_server_has_one(kind):
    assert {workload["spec"]["replicas"] for workload in servers(kind)} == {1}


def test_on_two_nodes_every_service_has_two_replicas_that_spread(rendered):
    two = rendered("kind-two-nodes")
    for name in (*NAMES, "gateway"):
        workload = one(two, "Deployment", name)
        [spread] = workload["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert workload["spec"]["replicas"] == 2
        assert selects(spread["labelSelector"]["matchLabels"], labels(workload))
        assert set(spread["matchLabelKeys"]) - {"pod-template-hash"} <= labels(workload).keys()


def test_on_two_nodes_what_keeps_something_stays_where_it_is(rendered):
    two = rendered("kind-two-nodes")
    for kind, name in (
        ("StatefulSet", "postgres"),
        ("Deployment", "jaeger"),
        ("Deployment", "console"),
    ):
        spec = one(two, kind, name)["spec"]["template"]["spec"]
        assert spec["nodeSelector"] == {"node-role.kubernetes.io/control-plane": ""}
        assert spec["tolerations"][0]["key"] == "node-role.kubernetes.io/control-plane"


def test_no_secret_is_in_git(checkout):
    made = [path for path in (checkout / "overlays/kind/secrets").rglob("*") if path.is_file()]
    values = {path.read_text(encoding="utf-8") for path in made}
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "k8s"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()

    assert len(values) == len(made) > 1
    assert not [name for name in tracked if "/secrets/" in name or "/images/" in name]
    assert not [name for name in tracked if name.endswith("jwks.json")]
    for name in tracked:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "BEGIN" not in text, name
        assert not re.search(r"(?i)password: *[\"']?\w{8}", text), name


def test_what_belongs_to_one_cluster_is_ignored_by_git():
    for name in ("secrets/catalog/DATABASE_URL", "images/kustomization.yaml", "workload-jwks.json"):
        path = Path("k8s/overlays/kind") / name
        ignored = subprocess.run(["git", "check-ignore", "-q", str(path)], cwd=ROOT, check=False)
        assert ignored.returncode == 0, name


def test_every_process_of_the_project_is_in_the_kind_overlay(kind):
    project = load(ROOT, {})
    names = {each["metadata"]["name"] for each in of(kind, "Deployment")}

    assert {*(service.name for service in project.services), "gateway", "console"} <= names
