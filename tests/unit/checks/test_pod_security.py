"""The Pod Security Standards: a pod that every level lets in, and each way to be refused."""

from typing import Any

import pytest

from checks.pod_security import Pod, violations

pytestmark = pytest.mark.unit

LOCKED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
}
CONTEXT: dict[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def container(name: str = "web", **fields: Any) -> dict[str, Any]:
    return {"name": name, "securityContext": LOCKED, **fields}


def locked(**context: Any) -> dict[str, Any]:
    return container(securityContext={**LOCKED, **context})


def pod(*containers: dict[str, Any], **fields: Any) -> Pod:
    held = list(containers) or [container()]
    return Pod(spec={"securityContext": CONTEXT, "containers": held, **fields})


def context(**fields: Any) -> Pod:
    return pod(securityContext={**CONTEXT, **fields})


def test_a_pod_that_asks_for_nothing_is_let_in_by_every_level() -> None:
    volumes = [
        {"name": "tmp", "emptyDir": {}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "an-empty-one-is-made"},
    ]
    for level in ("privileged", "baseline", "restricted"):
        assert violations(level, pod(volumes=volumes)) == []


def test_a_pod_of_which_nothing_is_said_is_baselines() -> None:
    plain = Pod(spec={"containers": [{"name": "web"}]})
    assert violations("baseline", plain) == []
    assert violations("restricted", plain) == [
        (
            'allowPrivilegeEscalation != false (container "web" must set '
            "securityContext.allowPrivilegeEscalation=false)"
        ),
        (
            'unrestricted capabilities (container "web" must set '
            'securityContext.capabilities.drop=["ALL"])'
        ),
        'runAsNonRoot != true (pod or container "web" must set securityContext.runAsNonRoot=true)',
        (
            'seccompProfile (pod or container "web" must set securityContext.seccompProfile.type '
            'to "RuntimeDefault" or "Localhost")'
        ),
    ]


def test_the_privileged_level_lets_everything_in() -> None:
    bad = pod(container(securityContext={"privileged": True}), hostNetwork=True, hostPID=True)
    assert violations("privileged", bad) == []


BASELINE = [
    (pod(hostNetwork=True, hostIPC=True), "host namespaces (hostNetwork=true, hostIPC=true)"),
    (
        pod(locked(privileged=True)),
        'privileged (container "web" must not set securityContext.privileged=true)',
    ),
    (
        pod(container(ports=[{"containerPort": 80, "hostPort": 80}])),
        'hostPort (container "web" uses hostPort 80)',
    ),
    (
        pod(container(livenessProbe={"httpGet": {"host": "10.0.0.1"}})),
        'probe or lifecycle host (container "web" uses probe or lifecycle host "10.0.0.1")',
    ),
    (
        pod(container(lifecycle={"preStop": {"tcpSocket": {"host": "db"}}})),
        'probe or lifecycle host (container "web" uses probe or lifecycle host "db")',
    ),
    (
        context(appArmorProfile={"type": "Unconfined"}),
        'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
    ),
    (
        context(seLinuxOptions={"type": "spc_t", "user": "root"}),
        (
            'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; '
            "user may not be set)"
        ),
    ),
    (
        context(sysctls=[{"name": "kernel.msgmax"}, {"name": "net.ipv4.tcp_rmem"}]),
        "forbidden sysctls (kernel.msgmax)",
    ),
    (
        context(windowsOptions={"hostProcess": True}),
        "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
    ),
    (
        pod(locked(procMount="Unmasked")),
        'procMount (container "web" must not set securityContext.procMount to "Unmasked")',
    ),
    (
        context(seccompProfile={"type": "Unconfined"}),
        'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    ),
]


@pytest.mark.parametrize("level", ["baseline", "restricted"])
@pytest.mark.parametrize(("bad", "told"), BASELINE)
def test_what_leads_to_the_node_is_refused_by_both_levels(level: str, bad: Pod, told: str) -> None:
    assert violations(level, bad) == [told]


def test_a_folder_of_the_node_is_refused_by_each_level_in_its_own_words() -> None:
    bad = pod(volumes=[{"name": "run", "hostPath": {"path": "/run"}}])
    assert violations("baseline", bad) == ['hostPath volumes (volume "run")']
    assert violations("restricted", bad) == [
        'restricted volume types (volume "run" uses restricted volume type "hostPath")'
    ]


def test_a_capability_that_no_container_has_is_refused_by_each_level_in_its_own_words() -> None:
    bad = pod(locked(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN", "CHOWN"]}))
    assert violations("baseline", bad) == [
        (
            'non-default capabilities (container "web" must not include "SYS_ADMIN" in '
            "securityContext.capabilities.add)"
        )
    ]
    assert violations("restricted", bad) == [
        (
            'unrestricted capabilities (container "web" must not include "CHOWN", "SYS_ADMIN" in '
            "securityContext.capabilities.add)"
        )
    ]


RESTRICTED = [
    (
        pod(volumes=[{"name": "media", "nfs": {"server": "nas", "path": "/"}}]),
        'restricted volume types (volume "media" uses restricted volume type "nfs")',
    ),
    (context(runAsUser=0), "runAsUser=0 (pod must not set runAsUser=0)"),
    (
        pod(container("a"), {**locked(runAsNonRoot=False), "name": "b"}),
        'runAsNonRoot != true (container "b" must not set securityContext.runAsNonRoot=false)',
    ),
    (
        pod(container("a", securityContext={**LOCKED, "allowPrivilegeEscalation": True})),
        (
            'allowPrivilegeEscalation != false (container "a" must set '
            "securityContext.allowPrivilegeEscalation=false)"
        ),
    ),
]


@pytest.mark.parametrize(("bad", "told"), RESTRICTED)
def test_what_a_pod_does_not_need_is_refused_by_restricted_alone(bad: Pod, told: str) -> None:
    assert violations("baseline", bad) == []
    assert violations("restricted", bad) == [told]


def test_containers_that_go_first_are_judged_like_the_others() -> None:
    bad = pod(initContainers=[{"name": "first"}, {"name": "second"}])
    assert violations("restricted", bad)[0].startswith(
        'allowPrivilegeEscalation != false (containers "first", "second" must set'
    )


def test_a_pod_may_leave_its_profile_to_each_of_its_containers() -> None:
    each = locked(runAsNonRoot=True, seccompProfile={"type": "Localhost"})
    assert violations("restricted", pod(each, securityContext={})) == []


def test_a_pod_with_users_of_its_own_may_be_root_in_there() -> None:
    root = {"hostUsers": False, "securityContext": {**CONTEXT, "runAsUser": 0}}
    assert violations("restricted", pod(**root)) == []


def test_a_profile_in_an_annotation_counts() -> None:
    key = "container.apparmor.security.beta.kubernetes.io/web"
    spec = pod().spec
    assert violations("baseline", Pod(spec=spec, annotations={key: "runtime/default"})) == []
    assert violations("baseline", Pod(spec=spec, annotations={key: "unconfined"})) == [
        (
            "forbidden AppArmor profile (annotation must not set AppArmor profile type to "
            f'"{key}="unconfined"")'
        )
    ]


def test_a_pod_for_windows_is_let_off_what_windows_does_not_have() -> None:
    plain = Pod(
        spec={
            "os": {"name": "windows"},
            "securityContext": {"runAsNonRoot": True},
            "containers": [{"name": "web"}],
        }
    )
    assert violations("restricted", plain) == []
