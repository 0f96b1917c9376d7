"""Kubernetes' Pod Security Standards: what a level refuses of a pod, in Kubernetes' own words.

As kube-apiserver 1.36 judges them where a namespace pins no version. Pods of Windows are let off
what Kubernetes lets them off. Pure: a pod's spec goes in, reasons come out.

Source: kubernetes.io/docs/concepts/security/pod-security-standards; order and words of the reasons
from k8s.io/pod-security-admission.
"""

from collections.abc import Callable

from checks.pod_security import baseline, restricted
from checks.pod_security.pod import Pod

__all__ = ["LEVELS", "Pod", "violations"]
Check = Callable[[Pod], str | None]
LEVELS: dict[str, tuple[Check, ...]] = {
    "privileged": (),
    "baseline": (
        baseline.apparmor,
        baseline.capabilities_baseline,
        baseline.host_namespaces,
        baseline.host_paths,
        baseline.host_ports,
        baseline.probe_hosts,
        baseline.privileged,
        baseline.proc_mount_baseline,
        baseline.selinux,
        baseline.seccomp_baseline,
        baseline.sysctls,
        baseline.host_process,
    ),
    "restricted": (
        baseline.apparmor,
        baseline.host_namespaces,
        baseline.host_ports,
        baseline.probe_hosts,
        baseline.privileged,
        baseline.selinux,
        baseline.sysctls,
        baseline.host_process,
        restricted.escalation,
        restricted.capabilities_restricted,
        baseline.proc_mount,
        restricted.volume_types,
        restricted.non_root,
        restricted.root_user,
        restricted.seccomp_restricted,
    ),
}


def violations(level: str, pod: Pod) -> list[str]:
    """What a level refuses of a pod, each as `reason (detail)`; nothing where it lets it in."""
    return [told for check in LEVELS[level] if (told := check(pod)) is not None]
