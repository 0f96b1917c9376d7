"""The CNI layer: Cilium, outside Flux for ever, and the gates that say the network works.

The agent is a host-network pod and the API server a static one, so the release installs while every
node is NotReady; Helm's own wait is the moment from which nodes can become Ready.
"""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components import hearth
from components.cni.values import values
from components.naming import child, token
from config import versions
from config.cluster import Cluster

NAMESPACE = "kube-system"
RELEASE_SECONDS = 600
READY_DEADLINE_SECONDS = 300
DNS_DEADLINE_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class CniArgs:
    """The facts, a kubeconfig, and the nodes that have registered."""

    cluster: Cluster
    kubeconfig: Input[str]
    nodes: Input[list[str]]


class Cni(pulumi.ComponentResource):
    """Cilium; whoever depends on it starts once every node is Ready and resolves names."""

    def __init__(self, name: str, args: CniArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("cni", "Cni"), name, None, opts)
        chart = versions.CILIUM
        cilium = k8s.helm.v3.Release(
            child(name, "cilium"),
            name="cilium",
            namespace=NAMESPACE,
            chart=chart.name,
            version=chart.version,
            repository_opts={"repo": chart.repository},
            # Nodes must have registered, or the agent's DaemonSet is "ready" with no pod at all.
            values=Output.from_input(args.nodes).apply(lambda _: values(args.cluster)),
            timeout=RELEASE_SECONDS,
            # A half-installed network is mended by the next `up`, not torn down.
            atomic=False,
            opts=ResourceOptions(parent=self),
        )
        ready = hearth.Gate(
            child(name, "nodes-ready"),
            condition=hearth.Condition.NODES_READY,
            kubeconfig=args.kubeconfig,
            nodes=args.nodes,
            trigger=cilium.status.apply(lambda status: status.revision),
            deadline_seconds=READY_DEADLINE_SECONDS,
            hint="`cilium status` and the events of the cilium pods in kube-system say why.",
            opts=ResourceOptions(parent=self),
        )
        hearth.Gate(
            child(name, "dns-answers"),
            condition=hearth.Condition.CLUSTER_DNS_ANSWERS,
            kubeconfig=ready.kubeconfig,
            nodes=ready.nodes,
            deadline_seconds=DNS_DEADLINE_SECONDS,
            hint="look at the coredns pods, and at host DNS forwarding against BPF masquerading.",
            opts=ResourceOptions(parent=self),
        )
        self.register_outputs({})
