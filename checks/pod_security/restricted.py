"""What `restricted` refuses besides: whatever a pod does not need."""

from checks.pod_security.baseline import capabilities, capability, seccomp_baseline
from checks.pod_security.pod import (
    Pod,
    containers,
    counted,
    inside,
    listed,
    set_to,
    uses,
)

VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image"}
    | {"persistentVolumeClaim", "projected", "secret"}
)


def escalation(pod: Pod) -> str | None:
    """No process that gets more than the one that started it."""
    path = ("securityContext", "allowPrivilegeEscalation")
    bad = [] if pod.windows else pod.named(lambda one: inside(one, *path) is not False)
    if not bad:
        return None
    return (
        f"allowPrivilegeEscalation != false ({containers(bad)} must set "
        "securityContext.allowPrivilegeEscalation=false)"
    )


def capabilities_restricted(pod: Pod) -> str | None:
    """All dropped, and none added but the one for low ports."""
    if pod.windows:
        return None
    kept = pod.named(lambda one: "ALL" not in capability(one, "drop"))
    told = [f'{containers(kept)} must set securityContext.capabilities.drop=["ALL"]'] * bool(kept)
    told += filter(None, [capabilities(pod, {"NET_BIND_SERVICE"})])
    return f"unrestricted capabilities ({'; '.join(told)})" if told else None


def volume_types(pod: Pod) -> str | None:
    """Only volumes that say nothing of the node."""
    kinds = [(one, one.keys() - {"name"}) for one in listed(pod.spec, "volumes")]
    # One of which only a name is said becomes an emptyDir.
    bad = [one for one, kind in kinds if kind - VOLUMES]
    types = sorted({name for _, kind in kinds for name in kind - VOLUMES})
    if not bad:
        return None
    names = [str(one.get("name", "")) for one in bad]
    return (
        f"restricted volume types ({counted(len(names), 'volume', names)} {uses(names)} "
        f"{counted(len(types), 'restricted volume type', types)})"
    )


def non_root(pod: Pod) -> str | None:
    """Said not to be root, by the pod or by each container."""
    path = ("securityContext", "runAsNonRoot")
    setters, _ = set_to(pod, lambda found: found is False, "runAsNonRoot")
    if pod.own_users:
        return None
    if setters:
        what = f"{' and '.join(setters)} must not set securityContext.runAsNonRoot=false"
        return f"runAsNonRoot != true ({what})"
    said = inside(pod.spec, *path) is True
    bad = [] if said else pod.named(lambda one: inside(one, *path) is not True)
    if not bad:
        return None
    return (
        f"runAsNonRoot != true (pod or {containers(bad)} must set "
        "securityContext.runAsNonRoot=true)"
    )


def root_user(pod: Pod) -> str | None:
    """Not root by its number."""
    setters, _ = set_to(pod, lambda found: found == 0 and found is not False, "runAsUser")
    if pod.own_users or not setters:
        return None
    return f"runAsUser=0 ({' and '.join(setters)} must not set runAsUser=0)"


def seccomp_restricted(pod: Pod) -> str | None:
    """Switched on."""
    wrong = None if pod.windows else seccomp_baseline(pod)
    path = ("securityContext", "seccompProfile")
    if wrong or pod.windows or inside(pod.spec, *path):
        return wrong
    bad = pod.named(lambda one: not inside(one, *path))
    if not bad:
        return None
    return (
        f"seccompProfile (pod or {containers(bad)} must set securityContext.seccompProfile.type to "
        '"RuntimeDefault" or "Localhost")'
    )
