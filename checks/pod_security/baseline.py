"""What `baseline` refuses: whatever is known to lead from a pod to its node."""

from collections.abc import Collection

from checks.pod_security.pod import (
    Object,
    Pod,
    containers,
    counted,
    inside,
    listed,
    quoted,
    set_to,
    uses,
    who,
)

CAPABILITIES = frozenset(
    {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"}
    | {"NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}
)
PROFILES = frozenset({"RuntimeDefault", "Localhost"})
SELINUX_TYPES = frozenset(
    {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
)
SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def apparmor(pod: Pod) -> str | None:
    """No profile but the runtime's own, or one that is named."""
    setters, values = set_to(pod, lambda found: found not in PROFILES, "appArmorProfile", "type")
    noted = sorted(
        f'{key}="{value}"'
        for key, value in pod.annotations.items()
        if key.startswith(APPARMOR)
        and not (value in {"", "runtime/default"} or str(value).startswith("localhost/"))
    )
    if noted:
        setters.append(counted(len(noted), "annotation"))
    values += noted
    if not setters:
        return None
    return (
        f"{counted(len(values), 'forbidden AppArmor profile')} ({' and '.join(setters)} must not "
        f"set AppArmor profile type to {quoted(values)})"
    )


def capabilities(pod: Pod, allowed: Collection[str]) -> str | None:
    """Which containers add what, beyond what is allowed."""
    bad = {
        str(one.get("name", "")): extra
        for one in pod.containers
        if (extra := [name for name in capability(one, "add") if name not in allowed])
    }
    if not bad:
        return None
    names = sorted({name for extra in bad.values() for name in extra})
    return f"{containers(bad)} must not include {quoted(names)} in securityContext.capabilities.add"


def capabilities_baseline(pod: Pod) -> str | None:
    """None that a container does not have anyway."""
    told = capabilities(pod, CAPABILITIES)
    return told and f"non-default capabilities ({told})"


def host_namespaces(pod: Pod) -> str | None:
    """Neither the node's network nor its processes."""
    keys = ("hostNetwork", "hostPID", "hostIPC")
    found = [f"{key}=true" for key in keys if pod.spec.get(key) is True]
    return f"host namespaces ({', '.join(found)})" if found else None


def host_paths(pod: Pod) -> str | None:
    """None of the node's folders."""
    found = [str(one.get("name", "")) for one in listed(pod.spec, "volumes") if "hostPath" in one]
    return f"hostPath volumes ({counted(len(found), 'volume', found)})" if found else None


def host_ports(pod: Pod) -> str | None:
    """None of the node's ports."""
    bad = pod.named(lambda one: any(port.get("hostPort") for port in listed(one, "ports")))
    ports = sorted(
        {
            str(port["hostPort"])
            for one in pod.containers
            for port in listed(one, "ports")
            if port.get("hostPort")
        }
    )
    if not bad:
        return None
    who_uses = f"{containers(bad)} {uses(bad)}"
    return f"hostPort ({who_uses} {counted(len(ports), 'hostPort')} {', '.join(ports)})"


def probe_hosts(pod: Pod) -> str | None:
    """No probe that the node sends elsewhere than to the pod."""
    found = {str(one.get("name", "")): asked for one in pod.containers if (asked := hosts(one))}
    if not found:
        return None
    names = sorted({host for asked in found.values() for host in asked})
    what = counted(len(names), "probe or lifecycle host", names)
    return f"probe or lifecycle host ({containers(sorted(found))} {uses(found)} {what})"


def privileged(pod: Pod) -> str | None:
    """No container that may do all that the node may."""
    bad = pod.named(lambda one: inside(one, "securityContext", "privileged") is True)
    if not bad:
        return None
    return f"privileged ({containers(bad)} must not set securityContext.privileged=true)"


def proc_mount(pod: Pod) -> str | None:
    """No /proc but the masked one."""
    setters, values = set_to(pod, lambda found: found != "Default", "procMount")
    if not setters:
        return None
    where = f"{' and '.join(setters)} must not set securityContext.procMount"
    return f"procMount ({where} to {quoted(values)})"


def proc_mount_baseline(pod: Pod) -> str | None:
    """As above, but for a pod with users of its own."""
    return None if pod.own_users else proc_mount(pod)


def selinux(pod: Pod) -> str | None:
    """None but containers' own types, and no user or role."""
    options = ("securityContext", "seLinuxOptions")
    held = [found for one in (pod.spec, *pod.containers) if (found := inside(one, *options))]
    types = sorted({str(one.get("type", "")) for one in held} - SELINUX_TYPES)
    wrong = [counted(len(types), "type", types)] * bool(types)
    wrong += [f"{key} may not be set" for key in ("user", "role") if any(o.get(key) for o in held)]
    setters = who(pod, lambda one: forbidden_selinux(inside(one, *options) or {}))
    if not wrong:
        return None
    return (
        f"seLinuxOptions ({' and '.join(setters)} set forbidden securityContext.seLinuxOptions: "
        f"{'; '.join(wrong)})"
    )


def seccomp_baseline(pod: Pod) -> str | None:
    """Not switched off."""
    setters, values = set_to(pod, lambda found: found not in PROFILES, "seccompProfile", "type")
    if not setters:
        return None
    return (
        f"seccompProfile ({' and '.join(setters)} must not set securityContext.seccompProfile.type "
        f"to {quoted(values)})"
    )


def sysctls(pod: Pod) -> str | None:
    """Only those that stay inside the pod."""
    context = inside(pod.spec, "securityContext") or {}
    found = [str(one.get("name", "")) for one in listed(context, "sysctls")]
    bad = [name for name in found if name not in SYSCTLS]
    return f"forbidden sysctls ({', '.join(bad)})" if bad else None


def host_process(pod: Pod) -> str | None:
    """No process of the node itself, which is Windows' privileged."""
    setters, _ = set_to(pod, lambda found: found is True, "windowsOptions", "hostProcess")
    if not setters:
        return None
    return (
        f"hostProcess ({' and '.join(setters)} must not set "
        "securityContext.windowsOptions.hostProcess=true)"
    )


def capability(container: Object, verb: str) -> list[str]:
    """What a container adds or drops."""
    found = inside(container, "securityContext", "capabilities", verb)
    return [str(one) for one in found] if isinstance(found, list) else []


def forbidden_selinux(options: Object) -> bool:
    """Whether any of these is not for a pod to set."""
    typed = str(options.get("type", "")) not in SELINUX_TYPES
    return typed or bool(options.get("user") or options.get("role"))


def hosts(container: Object) -> list[str]:
    """The hosts that its probes and hooks name."""
    hooks = ("postStart", "preStop")
    asked = [container.get(key) for key in ("livenessProbe", "readinessProbe", "startupProbe")]
    asked += [inside(container, "lifecycle", key) for key in hooks]
    found = [inside(one, key, "host") for one in asked for key in ("httpGet", "tcpSocket")]
    return [str(host) for host in found if host]
