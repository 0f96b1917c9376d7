"""Every program the lab runs: its version, how it is asked for it, and where it may come from.

Data only; the search itself is in `lab.tools.resolve`. No row names an official release, because a
release row needs a checksum that somebody has seen, and none has been seen yet: with
`releases=()` a program is built from its Go module, whose `go.sum` pins every byte. The mechanism
for releases (`lab.tools.release`) exists and is tested; a row is all that is missing.
"""

import re
from pathlib import Path

from lab.tools.catalog_crds import all_crds
from lab.tools.recipe import source_version
from lab.tools.rows import MODULES, GoBuild, Question, Row, Stamp

ROOT = Path(__file__).resolve().parents[2]
TALOSSIM = ROOT / "lab" / "talos"
OPERATORS = ROOT / "lab" / "operators"

TALOS = "1.13.0"
KUBERNETES = "1.36.3"
ETCD = "3.6.7"
PULUMI = "3.253.0"
HELM = "3.22.0"
KWOK = "0.8.0"
SOURCE_CONTROLLER = "1.9.0"
KUSTOMIZE_CONTROLLER = "1.9.1"
HELM_CONTROLLER = "1.6.0"
NOTIFICATION_CONTROLLER = "1.6.0"
KUSTOMIZE = "5.8.1"
SEALED_SECRETS = "0.30.0"
GITLEAKS = "8.30.1"

_NUMBER = r"v?(\d+\.\d+\.\d+[^\s+]*)"

_KUBERNETES_LDFLAGS = (
    "-s -w"
    f" -X k8s.io/component-base/version.gitVersion=v{KUBERNETES}"
    " -X k8s.io/component-base/version.gitMajor=1"
    " -X k8s.io/component-base/version.gitMinor=36"
    " -X k8s.io/component-base/version.gitTreeState=clean"
)
_MACHINERY = "github.com/siderolabs/talos/pkg/machinery"


def _kubernetes(name: str, *arguments: str, prefix: str) -> Row:
    return Row(
        name=name,
        version=KUBERNETES,
        question=Question(arguments=arguments, pattern=rf"^{prefix} {_NUMBER}"),
        build=GoBuild(
            module=MODULES / "kubernetes",
            package=f"k8s.io/kubernetes/cmd/{name}",
            binary=name,
            ldflags=_KUBERNETES_LDFLAGS,
        ),
    )


def _vendor(name: str, version: str, question: Question, package: str, ldflags: str = "") -> Row:
    parts = package.split("/")
    binary = parts[-2] if re.fullmatch(r"v\d+", parts[-1]) else parts[-1]
    flags = f"-s -w {ldflags}".strip()
    build = GoBuild(module=MODULES / name, package=package, binary=binary, ldflags=flags)
    return Row(name=name, version=version, question=question, build=build)


def _flux(name: str, version: str, module: str = "flux") -> Row:
    package = f"github.com/fluxcd/{name}"
    build = GoBuild(module=MODULES / module, package=package, binary=name, ldflags="-s -w")
    return Row(name=name, version=version, question=Stamp(module=package), build=build)


def _sealed_secrets(name: str, binary: str) -> Row:
    module = "github.com/bitnami-labs/sealed-secrets"
    build = GoBuild(
        module=MODULES / "sealed-secrets",
        package=f"{module}/cmd/{binary}",
        binary=binary,
        ldflags=f"-s -w -X main.VERSION={SEALED_SECRETS}",
    )
    question = Question(arguments=("--version",), pattern=rf"version: {_NUMBER}")
    return Row(name=name, version=SEALED_SECRETS, question=question, build=build)


def _reconcilers() -> tuple[Row, ...]:
    """Return what reconciles a GitOps tree, and what a person needs beside it."""
    return (
        _flux("source-controller", SOURCE_CONTROLLER),
        _flux("kustomize-controller", KUSTOMIZE_CONTROLLER),
        _flux("helm-controller", HELM_CONTROLLER),
        _flux("notification-controller", NOTIFICATION_CONTROLLER, module="notification"),
        _vendor(
            "kustomize",
            KUSTOMIZE,
            Question(arguments=("version",), pattern=rf"^{_NUMBER}"),
            "sigs.k8s.io/kustomize/kustomize/v5",
            f"-X sigs.k8s.io/kustomize/api/provenance.version=v{KUSTOMIZE}",
        ),
        _sealed_secrets("sealed-secrets-controller", "controller"),
        _sealed_secrets("kubeseal", "kubeseal"),
    )


def catalog(talossim: Path = TALOSSIM) -> tuple[Row, ...]:
    """Return every row; `talossim` is the simulator's own module, whose version is its content."""
    return (
        _vendor(
            "pulumi",
            PULUMI,
            Question(arguments=("version",), pattern=rf"^{_NUMBER}"),
            "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            f"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={PULUMI}",
        ),
        _vendor(
            "talosctl",
            TALOS,
            Question(arguments=("version", "--client"), pattern=rf"Tag:\s+{_NUMBER}"),
            "github.com/siderolabs/talos/cmd/talosctl",
            f"-X {_MACHINERY}/version.Tag=v{TALOS} -X {_MACHINERY}/version.Name=Client"
            f" -X {_MACHINERY}/gendata.VersionName=Talos",
        ),
        _vendor(
            "etcd",
            ETCD,
            Question(arguments=("--version",), pattern=rf"^etcd Version: {_NUMBER}"),
            "go.etcd.io/etcd/server/v3",
        ),
        _kubernetes("kube-apiserver", "--version", prefix="Kubernetes"),
        _kubernetes("kube-controller-manager", "--version", prefix="Kubernetes"),
        _kubernetes("kube-scheduler", "--version", prefix="Kubernetes"),
        _kubernetes("kubectl", "version", "--client", prefix="Client Version:"),
        _vendor(
            "kwok",
            KWOK,
            Question(arguments=("--version",), pattern=rf"{_NUMBER}"),
            "sigs.k8s.io/kwok/cmd/kwok",
            f"-X sigs.k8s.io/kwok/pkg/consts.Version=v{KWOK}",
        ),
        _vendor(
            "helm",
            HELM,
            Question(arguments=("version", "--short"), pattern=rf"^{_NUMBER}"),
            "helm.sh/helm/v3/cmd/helm",
            f"-X helm.sh/helm/v3/internal/version.version=v{HELM}",
        ),
        *_reconcilers(),
        *all_crds(),
        _gitleaks(),
        _own("talossim", talossim, "talos"),
        _own("operators", OPERATORS, "operators"),
    )


def _gitleaks() -> Row:
    """Return what looks for secrets before a commit."""
    module = "github.com/zricethezav/gitleaks/v8"
    question = Question(arguments=("version",), pattern=rf"^{_NUMBER}")
    stamp = f"-X {module}/version.Version={GITLEAKS}"
    return _vendor("gitleaks", GITLEAKS, question, module, stamp)


def _own(name: str, folder: Path, binary: str) -> Row:
    """Return the row of a program of ours; `binary` is the last part of its module's path."""
    return Row(
        name=name,
        version=source_version(folder),
        question=None,
        build=GoBuild(module=folder, package=".", binary=binary, ldflags="-s -w"),
    )
