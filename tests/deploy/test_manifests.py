"""The manifests fit each other, the gateway's settings, and what a model server's end takes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from modelserver.models_file import read_models_file
from modelserver.tensorflow_serving_config import ServedFolder, batching_config, models_config
from serving.settings import PREFIX, Settings, unknown_names
from tests.deploy.rendered import DEPLOY, OVERLAYS, Manifest, config, one

Everything = dict[str, list[Manifest]]
WITH_GATEWAY = ("base", *OVERLAYS, "all")
# For a name's addresses in CoreDNS' default configuration: its `kubernetes` plugin's TTL.
DNS_TTL_SECONDS = 5
FOR_A_SELF_TEST_SECONDS = 10


def pod(manifests: list[Manifest], deployment: str) -> Manifest:
    spec: Manifest = one(manifests, "Deployment", deployment)["spec"]["template"]["spec"]
    return spec


def settings(manifests: list[Manifest], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in config(manifests, "gateway-settings").items():
        monkeypatch.setenv(name, value)
    return Settings()


def flags(manifests: list[Manifest]) -> dict[str, str]:
    return dict(arg.split("=", 1) for arg in pod(manifests, "model-server")["containers"][0]["args"])


@pytest.mark.parametrize("name", WITH_GATEWAY)
def test_the_gateway_understands_its_settings(
    everything: Everything, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = settings(everything[name], monkeypatch)

    assert unknown_names() == []
    assert read.model_server == "model-server:8500"
    assert read.admin_port == 9091


@pytest.mark.parametrize("name", WITH_GATEWAY)
def test_the_gateway_has_time_to_drain_and_to_finish(
    everything: Everything, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    its_settings, its_pod = settings(everything[name], monkeypatch), pod(everything[name], "gateway")
    probe = its_pod["containers"][0]["readinessProbe"]

    to_notice = probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"]
    assert to_notice < its_settings.drain_seconds
    its_end = its_settings.drain_seconds + its_settings.shutdown_timeout_seconds
    assert its_end < its_pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("name", WITH_GATEWAY)
def test_a_model_server_goes_on_until_the_gateways_have_let_go_of_it(
    everything: Everything, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    its_settings, its_pod = settings(everything[name], monkeypatch), pod(everything[name], "model-server")
    sleeps = its_pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert sleeps >= its_settings.resolve_seconds + DNS_TTL_SECONDS + its_settings.timeout_seconds
    assert sleeps < its_pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("name", WITH_GATEWAY)
def test_a_roll_out_of_model_servers_waits_until_the_gateways_have_found_and_tested_the_new_one(
    everything: Everything, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    its_settings = settings(everything[name], monkeypatch)
    waits = one(everything[name], "Deployment", "model-server")["spec"]["minReadySeconds"]

    assert waits >= its_settings.resolve_seconds + DNS_TTL_SECONDS + FOR_A_SELF_TEST_SECONDS


@pytest.mark.parametrize("deployment", ["gateway", "model-server"])
@pytest.mark.parametrize("name", WITH_GATEWAY)
def test_a_roll_out_has_not_failed_while_a_pod_may_still_start(
    everything: Everything, name: str, deployment: str
) -> None:
    spec = one(everything[name], "Deployment", deployment)["spec"]
    probe = spec["template"]["spec"]["containers"][0]["startupProbe"]

    starts = probe["periodSeconds"] * probe["failureThreshold"] + spec.get("minReadySeconds", 0)
    assert starts < spec["progressDeadlineSeconds"]


@pytest.mark.parametrize("name", ["base", "cpu", "gpu", "all"])
def test_the_autoscalers_share_of_a_cpu_is_that_of_the_limit(everything: Everything, name: str) -> None:
    """It is counted from the request, and docs/operations.md plans with two cores."""
    resources = pod(everything[name], "gateway")["containers"][0]["resources"]

    assert resources["requests"]["cpu"] == resources["limits"]["cpu"] == "2"


@pytest.mark.parametrize("name", WITH_GATEWAY)
def test_the_gateways_largest_load_fits_its_memory(
    everything: Everything, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    its_settings = settings(everything[name], monkeypatch)
    limit = pod(everything[name], "gateway")["containers"][0]["resources"]["limits"]["memory"]

    # docs/decisions/0008-memory-of-decoding.md: 16 bytes a pixel at most.
    needed = 130e6 + its_settings.max_bytes_in_flight + 16 * its_settings.max_image_pixels
    assert needed < int(limit.removesuffix("Mi")) * 1024**2


@pytest.mark.parametrize("name", WITH_GATEWAY)
def test_the_probes_are_routes_of_the_gateway(everything: Everything, name: str) -> None:
    container = pod(everything[name], "gateway")["containers"][0]

    paths = {
        probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")
    }
    assert paths == {"startup": "/startupz", "liveness": "/livez", "readiness": "/readyz"}


@pytest.mark.parametrize("name", WITH_GATEWAY)
def test_the_model_server_has_threads_for_the_calls_of_all_gateways(
    everything: Everything, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateways = one(everything[name], "HorizontalPodAutoscaler", "gateway")["spec"]["maxReplicas"]
    # Predictions, explanations and embeddings each have theirs; and a poll.
    calls = 3 * settings(everything[name], monkeypatch).max_calls_in_flight + 1

    assert int(flags(everything[name])["--grpc_max_threads"]) >= gateways * calls


@pytest.mark.parametrize("name", WITH_GATEWAY)
def test_the_model_server_is_told_what_we_generate_elsewhere(everything: Everything, name: str) -> None:
    its_config = config(everything[name], "model-server")
    threads = re.search(r"num_batch_threads { value: (\d+) }", its_config["batching.config"])

    assert threads
    assert its_config["batching.config"] == batching_config(32, threads=int(threads[1]))
    flowers = ServedFolder(base_path="/models/flowers")
    assert config(everything[name], "models")["models.config"] == models_config({"flowers": flowers})
    assert int(flags(everything[name])["--num_load_threads"]) >= 1


def test_gateway_and_model_server_are_told_of_the_same_models(everything: Everything, tmp_path: Path) -> None:
    models = config(everything["base"], "models")
    (tmp_path / "models.toml").write_text(models["models.toml"])

    names = set(read_models_file(tmp_path / "models.toml").models)
    assert names == set(re.findall(r'name: "(.+)"', models["models.config"]))
    assert tomllib.loads(models["models.toml"])["default"] in names


@pytest.mark.parametrize("name", [*WITH_GATEWAY, "model-sync"])
def test_every_volume_and_every_file_that_is_named_is_there(everything: Everything, name: str) -> None:
    manifests = everything[name]
    there = {each["metadata"]["name"] for each in manifests if each["kind"] == "ConfigMap"}
    claims = {each["metadata"]["name"] for each in manifests if each["kind"] == "PersistentVolumeClaim"}
    for deployment in ("gateway", "model-server"):
        its_pod = pod(manifests, deployment)
        volumes = {volume["name"]: volume for volume in its_pod["volumes"]}
        for container in (*its_pod.get("initContainers", ()), *its_pod["containers"]):
            assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes)
        assert {each["configMap"]["name"] for each in volumes.values() if "configMap" in each} <= there
        named = (each.get("persistentVolumeClaim") for each in volumes.values())
        assert {claim["claimName"] for claim in named if claim} <= claims


def test_every_service_finds_its_pods_and_their_ports(everything: Everything) -> None:
    manifests = everything["base"]
    for service in (each for each in manifests if each["kind"] == "Service"):
        wanted = service["spec"]["selector"]
        targets = [
            each["spec"]["template"]
            for each in manifests
            if each["kind"] == "Deployment"
            and wanted.items() <= each["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert len(targets) == 1
        ports = {port["name"] for port in targets[0]["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_the_model_server_is_resolved_to_its_pods(everything: Everything) -> None:
    assert one(everything["base"], "Service", "model-server")["spec"]["clusterIP"] == "None"


def test_the_gpu_overlay_asks_for_a_gpu_and_an_image_that_uses_it(everything: Everything) -> None:
    container = pod(everything["gpu"], "model-server")["containers"][0]

    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert container["image"].endswith("-gpu")


def test_autoscaling_by_requests_in_flight_names_a_gauge_that_its_adapter_rule_serves(
    everything: Everything,
) -> None:
    metrics = one(everything["in-flight-autoscaling"], "HorizontalPodAutoscaler", "gateway")["spec"][
        "metrics"
    ]
    rule = yaml.safe_load((DEPLOY / "components/in-flight-autoscaling/adapter-rule.yaml").read_text())[
        "rules"
    ][0]

    assert [each["type"] for each in metrics] == ["Resource", "Pods"]
    name = metrics[1]["pods"]["metric"]["name"]
    assert re.fullmatch(rule["name"]["matches"], name)
    assert rule["seriesQuery"].startswith(name + "{")


def test_model_sync_replaces_the_volume(everything: Everything) -> None:
    manifests = everything["model-sync"]

    assert not any(each["kind"] == "PersistentVolumeClaim" for each in manifests)
    models = next(each for each in pod(manifests, "model-server")["volumes"] if each["name"] == "models")
    assert set(models) == {"name", "emptyDir"}
    (sync,) = pod(manifests, "model-server")["initContainers"]
    assert sync["restartPolicy"] == "Always"


def test_every_service_monitor_finds_its_service(everything: Everything) -> None:
    manifests = everything["prometheus-operator"]
    services = [each for each in manifests if each["kind"] == "Service"]
    for monitor in (each for each in manifests if each["kind"] == "ServiceMonitor"):
        labels = monitor["spec"]["selector"]["matchLabels"]
        found = [each for each in services if labels.items() <= each["metadata"]["labels"].items()]
        assert len(found) == 1
        ports = {port["name"] for port in found[0]["spec"]["ports"]}
        assert {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]} <= ports


def test_the_operators_rules_are_prometheus_own(everything: Everything) -> None:
    wanted = yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text())

    assert one(everything["prometheus-operator"], "PrometheusRule", "miwake")["spec"] == wanted


def test_the_scoring_job_counts_as_many_parts_as_it_has_pods(everything: Everything) -> None:
    spec = one(everything["score"], "Job", "score")["spec"]
    (container,) = spec["template"]["spec"]["containers"]

    parts = next(each["value"] for each in container["env"] if each["name"] == "COMPLETIONS")
    assert int(parts) == spec["completions"]
    assert spec["completionMode"] == "Indexed"


def test_kserves_example_answers_until_it_has_drained(monkeypatch: pytest.MonkeyPatch) -> None:
    service = yaml.safe_load((DEPLOY / "kserve" / "inference-service.yaml").read_text())
    predictor = service["spec"]["predictor"]
    gateway, model_server = predictor["containers"]
    for variable in gateway["env"]:
        if "value" in variable:
            monkeypatch.setenv(variable["name"], variable["value"])
    its_settings = Settings()

    assert all(variable["name"].startswith(PREFIX) for variable in gateway["env"])
    its_end = its_settings.drain_seconds + its_settings.shutdown_timeout_seconds
    assert its_end < model_server["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert its_end < predictor["terminationGracePeriodSeconds"]
    assert "startupProbe" in model_server
