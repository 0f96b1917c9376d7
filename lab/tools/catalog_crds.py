"""Every vendor's CRDs that a shelf has, by the packages that hold their API types. Data only.

They are for the charts and operators of the lab. Where the types of the version in the GitOps tree
are not served by the module proxy, a neighbour's are taken; lab/tools/modules/README.md says where.
"""

from collections.abc import Mapping

from lab.tools.rows import MODULES, CrdBuild, GoBuild, Question, Row, Types

CONTROLLER_GEN = "0.20.1"
_NUMBER = r"v?(\d+\.\d+\.\d+[^\s+]*)"

GENERATOR = Row(
    name="controller-gen",
    version=CONTROLLER_GEN,
    question=Question(arguments=("--version",), pattern=rf"^Version: {_NUMBER}"),
    build=GoBuild(
        module=MODULES / "controller-gen",
        package="sigs.k8s.io/controller-tools/cmd/controller-gen",
        binary="controller-gen",
        ldflags=f"-s -w -X sigs.k8s.io/controller-tools/pkg/version.version=v{CONTROLLER_GEN}",
    ),
)

_FLUX = "github.com/fluxcd"
_SEALED_SECRETS = "github.com/bitnami-labs/sealed-secrets"
_CERT_MANAGER = "github.com/cert-manager/cert-manager/pkg/apis"
_EXTERNAL_SECRETS = "github.com/external-secrets/external-secrets/apis"
_METALLB = "go.universe.tf/metallb/api"


def _crds(name: str, version: str, packages: Mapping[str, tuple[str, ...]]) -> Row:
    """Return the row of shelf/crds/NAME.yaml, made of packages by module folder.

    Its version is that of the first package's module.
    """
    types = tuple(
        Types(module=MODULES / folder, packages=names) for folder, names in packages.items()
    )
    build = CrdBuild(types=types, generator=GENERATOR)
    place = f"crds/{name}.yaml"
    return Row(name=f"{name}-crds", version=version, question=None, build=build, shelf=place)


def all_crds() -> tuple[Row, ...]:
    """Return a row for each vendor."""
    return (
        _crds(
            "flux",
            "1.9.0",
            {
                "flux": (
                    f"{_FLUX}/source-controller/api/v1",
                    f"{_FLUX}/kustomize-controller/api/v1",
                    f"{_FLUX}/helm-controller/api/v2",
                ),
                "notification": (
                    f"{_FLUX}/notification-controller/api/v1",
                    f"{_FLUX}/notification-controller/api/v1beta3",
                ),
            },
        ),
        _crds(
            "sealed-secrets",
            "0.30.0",
            {"sealed-secrets": (f"{_SEALED_SECRETS}/pkg/apis/sealedsecrets/v1alpha1",)},
        ),
        _crds(
            "cert-manager",
            "1.21.1",
            {"crds": (f"{_CERT_MANAGER}/certmanager/v1", f"{_CERT_MANAGER}/acme/v1")},
        ),
        _crds(
            "external-secrets",
            "0.20.4",
            {
                "crds": (
                    f"{_EXTERNAL_SECRETS}/externalsecrets/v1",
                    f"{_EXTERNAL_SECRETS}/externalsecrets/v1alpha1",
                    f"{_EXTERNAL_SECRETS}/externalsecrets/v1beta1",
                    f"{_EXTERNAL_SECRETS}/generators/v1alpha1",
                )
            },
        ),
        _crds("metallb", "0.16.1", {"crds": (f"{_METALLB}/v1beta1", f"{_METALLB}/v1beta2")}),
    )
