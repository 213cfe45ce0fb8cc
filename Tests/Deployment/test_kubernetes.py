# SPDX-License-Identifier: Apache-2.0
"""The manifests against Kubernetes' schemas, and against each other."""

import jsonschema
import kubernetes_validate
import pytest
import yaml

from apus_server import ROOT

FOLDER = ROOT / "config/kubernetes"
# The versions that are maintained have what these manifests use; so has this older one.
VERSIONS = ["1.30", "1.37"]

LABELS = {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}}
PORT = {"type": "integer", "minimum": 1, "maximum": 65535}


def strict(required, **properties):
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


# Of the Gateway API inference extension's v1 API, which is no part of Kubernetes: what a pool may say.
# https://gateway-api-inference-extension.sigs.k8s.io/reference/spec
INFERENCE_POOL = strict(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "inference.networking.k8s.io/v1"},
    kind={"const": "InferencePool"},
    metadata=strict(["name"], name={"type": "string"}, labels=LABELS),
    spec=strict(
        ["selector", "targetPorts", "endpointPickerRef"],
        selector=strict(["matchLabels"], matchLabels=LABELS),
        targetPorts={
            "type": "array",
            "minItems": 1,
            "maxItems": 8,
            "items": strict(["number"], number=PORT),
        },
        appProtocol={"enum": ["http", "kubernetes.io/h2c"]},
        endpointPickerRef=strict(
            ["name"],
            group={"type": "string"},
            kind={"type": "string"},
            name={"type": "string"},
            port=strict(["number"], number=PORT),
            failureMode={"enum": ["FailOpen", "FailClose"]},
        ),
    ),
)
KUSTOMIZATION = strict(
    ["apiVersion", "kind", "resources"],
    apiVersion={"const": "kustomize.config.k8s.io/v1beta1"},
    kind={"const": "Kustomization"},
    resources={"type": "array", "items": {"type": "string"}},
)
OTHERS = {"InferencePool": INFERENCE_POOL, "Kustomization": KUSTOMIZATION}


def manifests():
    documents = {}
    for path in FOLDER.glob("*.yaml"):
        [document] = yaml.safe_load_all(path.read_text())
        documents[document["kind"]] = document
    return documents


def check(document, version="1.37"):
    schema = OTHERS.get(document["kind"])
    if schema:
        jsonschema.validate(document, schema)
    else:
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_fits_its_schema(version):
    documents = manifests()
    assert len(documents) == 6

    for document in documents.values():
        check(document, version)


@pytest.mark.parametrize("kind", ["Deployment", "Service", "HorizontalPodAutoscaler"])
def test_a_misspelled_field_would_be_found(kind):
    document = manifests()[kind]
    document["spec"]["replica"] = 1

    with pytest.raises(kubernetes_validate.ValidationError):
        check(document)


def test_the_manifests_speak_of_each_other():
    documents = manifests()
    deployment = documents["Deployment"]
    pod = deployment["spec"]["template"]
    labels = pod["metadata"]["labels"]
    [container] = pod["spec"]["containers"]
    [port] = container["ports"]

    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert documents["Service"]["spec"]["selector"] == labels
    assert documents["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    assert documents["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    pool = documents["InferencePool"]["spec"]
    assert pool["selector"]["matchLabels"] == labels
    assert pool["targetPorts"] == [{"number": port["containerPort"]}]
    target = documents["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"])
    for name in documents["Kustomization"]["resources"]:
        assert (FOLDER / name).exists()


def test_the_pod_is_confined_and_given_time_to_finish():
    pod = manifests()["Deployment"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    context = container["securityContext"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert pod["enableServiceLinks"] is False
    grace, pause = 30, container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > grace + pause
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in ("/ready", "/health")
