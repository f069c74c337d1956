"""What a platform team asks of any workload, of every object in deploy/."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.deploy.rendered import Manifest, containers, pods

Everything = dict[str, list[Manifest]]
# As Kubernetes' Pod Security Standards, profile `restricted`, list them.
RESTRICTED_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "secret"} | {
    "persistentVolumeClaim",
    "projected",
}


def every_container(everything: Everything) -> Iterator[tuple[str, Manifest]]:
    for name, manifests in everything.items():
        for where, container in containers(manifests):
            yield f"{name}: {where}", container


def every_pod(everything: Everything) -> Iterator[tuple[str, Manifest]]:
    for name, manifests in everything.items():
        for where, pod in pods(manifests):
            yield f"{name}: {where}", pod


def test_every_image_has_a_tag_that_is_a_release(everything: Everything) -> None:
    images = {where: container["image"] for where, container in every_container(everything)}

    assert len(images) > 15
    wrong = {
        where: image for where, image in images.items() if not re.search(r":\d+\.\d+\.\d+(-gpu)?$", image)
    }
    assert set(wrong.values()) == {"miwake-gateway:dev"}  # what a developer has just built
    assert all(where.startswith("dev: ") for where in wrong)


def test_every_container_asks_for_cpu_and_memory_and_has_limits(everything: Everything) -> None:
    for where, container in every_container(everything):
        resources = container["resources"]
        assert {"cpu", "memory"} <= set(resources["requests"]) & set(resources["limits"]), where


def test_every_container_is_restricted(everything: Everything) -> None:
    for where, container in every_container(everything):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, where


def test_every_pod_is_restricted_and_runs_as_nobody_in_particular(everything: Everything) -> None:
    for where, pod in every_pod(everything):
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True, where
        assert context["runAsUser"] > 1000, where
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, where
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), where
        kinds = {kind for volume in pod.get("volumes", ()) for kind in set(volume) - {"name"}}
        assert kinds <= RESTRICTED_VOLUMES, where


def test_no_pod_has_a_token_of_the_cluster_or_settings_of_its_services(everything: Everything) -> None:
    for where, pod in every_pod(everything):
        assert pod["automountServiceAccountToken"] is False, where
        assert pod["enableServiceLinks"] is False, where
    for manifests in everything.values():
        accounts = [each for each in manifests if each["kind"] == "ServiceAccount"]
        assert all(account["automountServiceAccountToken"] is False for account in accounts)


def test_every_service_of_ours_is_probed(everything: Everything) -> None:
    for where, container in every_container(everything):
        if where.endswith(("/gateway", "/model-server", "/kserve-container")):
            assert {"livenessProbe", "readinessProbe"} <= set(container), where


def test_every_deployment_survives_a_drained_node_and_is_spread(everything: Everything) -> None:
    for name, manifests in everything.items():
        budgets = [
            each["spec"]["selector"]["matchLabels"]
            for each in manifests
            if each["kind"] == "PodDisruptionBudget"
        ]
        for deployment in (each for each in manifests if each["kind"] == "Deployment"):
            template = deployment["spec"]["template"]
            assert any(budget.items() <= template["metadata"]["labels"].items() for budget in budgets), name
            assert template["spec"]["topologySpreadConstraints"], name


def test_a_pod_that_answers_nobody_does_not_keep_a_node_from_being_drained(everything: Everything) -> None:
    budgets = [
        each["spec"]
        for manifests in everything.values()
        for each in manifests
        if each["kind"] == "PodDisruptionBudget"
    ]

    assert budgets
    assert all(budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow" for budget in budgets)


def test_every_pod_of_ours_talks_to_those_it_must_and_nobody_else(everything: Everything) -> None:
    for name, manifests in everything.items():
        policies = {
            each["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"]: each["spec"]["policyTypes"]
            for each in manifests
            if each["kind"] == "NetworkPolicy"
        }
        deployed = {each["metadata"]["name"] for each in manifests if each["kind"] == "Deployment"}
        assert set(policies) == deployed, name
        assert all(types == ["Ingress", "Egress"] for types in policies.values()), name


def test_a_deployment_that_is_scaled_says_nothing_of_its_replicas(everything: Everything) -> None:
    for name, manifests in everything.items():
        scaled = {
            each["spec"]["scaleTargetRef"]["name"]
            for each in manifests
            if each["kind"] == "HorizontalPodAutoscaler"
        }
        for deployment in (each for each in manifests if each["kind"] == "Deployment"):
            assert ("replicas" in deployment["spec"]) is (deployment["metadata"]["name"] not in scaled), name


def test_no_object_holds_a_secret(everything: Everything) -> None:
    assert not any(each["kind"] == "Secret" for manifests in everything.values() for each in manifests)
