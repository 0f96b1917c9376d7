"""The infrastructure layer: from bare ground to a Kubernetes API that answers.

Machines, bootstrap through the first control plane's own address (never the VIP, which nobody holds
yet), kubeconfig, gates. From then on the cluster is reached through the VIP, so that no single
machine is its door.
"""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pulumiverse_talos as talos
from pulumi import Input, InvokeOutputOptions, Output, ResourceOptions

from components import hearth
from components.infrastructure.fleet import Fleet, FleetArgs
from components.infrastructure.steps import Step, held
from components.naming import child, token
from config import naming
from config.cluster import API_PORT, Cluster

BOOTSTRAP_DEADLINE_SECONDS = 600
# Joining waits for an image to be pulled and for etcd to take the machine in; leaving for etcd.
MEMBERSHIP_DEADLINE_SECONDS = 600
DRAIN_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class InfrastructureArgs:
    """The cluster's facts, how its machines come to be, and what is rendered into their configs."""

    cluster: Cluster
    step: Step
    tailscale_key: Input[str] | None
    view_key: Input[str]


class Infrastructure(pulumi.ComponentResource):
    """A running control plane: its credentials, and a provider for what goes into the cluster.

    `nodes` resolves once every machine has registered; `anchor` is what in-cluster resources hang
    on with `deleted_with`.
    """

    kubeconfig: Output[str]
    talosconfig: Output[str]
    nodes: Output[list[str]]
    kubernetes: k8s.Provider
    anchor: hearth.Anchor

    def __init__(
        self, name: str, args: InfrastructureArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(token("infrastructure", "Infrastructure"), name, None, opts)
        cluster = args.cluster
        here = ResourceOptions(parent=self)
        self._talos = talos.Provider(child(name, "talos"), opts=here)
        secrets = talos.machine.Secrets(
            child(name, "secrets"),
            talos_version=cluster.talos.contract,
            # Lowering the contract would mint a new PKI and lock everyone out of the machines.
            opts=ResourceOptions(parent=self, provider=self._talos, protect=cluster.protected),
        )
        fleet = Fleet(
            child(name, "fleet"),
            FleetArgs(
                cluster=cluster,
                step=args.step,
                secrets=secrets,
                tailscale_key=args.tailscale_key,
                view_key=args.view_key,
            ),
            opts=ResourceOptions(parent=self, providers=[self._talos]),
        )
        first = str(cluster.control_planes[0].addresses[0])
        bootstrap = hearth.Bootstrap(
            child(name, "bootstrap"),
            control_planes=[str(machine.addresses[0]) for machine in cluster.control_planes],
            client_configuration=secrets.client_configuration,
            deadline_seconds=BOOTSTRAP_DEADLINE_SECONDS,
            # No value flows from an applied configuration, but etcd's members must be configured; a
            # worker that does not answer must not keep them from founding the cluster.
            opts=ResourceOptions(parent=self, depends_on=fleet.founders),
        )
        kubeconfig = talos.cluster.Kubeconfig(
            child(name, "kubeconfig"),
            node=first,
            endpoint=first,
            client_configuration=secrets.client_configuration,
            # Before Bootstrap there is no cluster to make credentials for.
            opts=ResourceOptions(parent=self, provider=self._talos, depends_on=[bootstrap]),
        )
        self.anchor = hearth.Anchor(child(name, "anchor"), cluster=cluster.name, opts=here)
        self._gates(name, cluster, kubeconfig.kubeconfig_raw, fleet)
        self._memberships(name, cluster, secrets, fleet)
        self.talosconfig = self._talosconfig(cluster, secrets, fleet.checked)
        self.register_outputs({"endpoint": cluster.endpoint})

    def _gates(self, name: str, cluster: Cluster, kubeconfig: Output[str], fleet: Fleet) -> None:
        """Every API server ready, then every machine a Node; NotReady is right here."""
        servers = [
            f"https://{bracketed(m.addresses[0])}:{API_PORT}" for m in cluster.control_planes
        ]
        api = hearth.Gate(
            child(name, "api-ready"),
            condition=hearth.Condition.API_SERVERS_READY,
            kubeconfig=kubeconfig,
            api_servers=servers,
            deadline_seconds=cluster.deadlines.api_seconds,
            hint="`talosctl service` and `talosctl logs kube-apiserver` on that machine say why.",
            opts=ResourceOptions(parent=self),
        )
        self.kubeconfig = api.kubeconfig
        registered = hearth.Gate(
            child(name, "nodes-registered"),
            condition=hearth.Condition.NODES_REGISTERED,
            kubeconfig=api.kubeconfig,
            # A node's name is a fact. Were it known only with its machine, a preview of another
            # machine would have to guess what that changes in the cluster.
            nodes=[machine.name for machine in cluster.machines],
            deadline_seconds=cluster.deadlines.nodes_seconds,
            hint="`talosctl service kubelet` on that machine says why it has not joined.",
            # Before a machine is configured nobody registers.
            opts=ResourceOptions(parent=self, depends_on=list(fleet.applied.values())),
        )
        self.nodes = registered.nodes.apply(list)
        # Reachability is decided once, when the provider is configured: so it gets its kubeconfig
        # from a gate that has seen the API answer.
        self.kubernetes = k8s.Provider(
            child(name, "kubernetes"),
            kubeconfig=registered.kubeconfig,
            # Without it a changed kubeconfig plans the replacement of everything in the cluster.
            cluster_identifier=cluster.name,
            # Else a changed setting is an object that is gone for a moment, while Flux reads it.
            enable_config_map_mutable=True,
            enable_secret_mutable=True,
            opts=ResourceOptions(parent=self),
        )

    def _memberships(
        self, name: str, cluster: Cluster, secrets: talos.machine.Secrets, fleet: Fleet
    ) -> None:
        """Every machine's place in the cluster, which it leaves before it goes."""
        for machine in cluster.machines:
            hearth.Membership(
                child(name, "membership", machine.name),
                machine=machine.name,
                address=str(machine.addresses[0]),
                control_plane=machine.is_control_plane,
                control_planes=[str(item.addresses[0]) for item in cluster.control_planes],
                client_configuration=secrets.client_configuration,
                kubeconfig=self.kubeconfig,
                drain_seconds=DRAIN_SECONDS,
                deadline_seconds=MEMBERSHIP_DEADLINE_SECONDS,
                opts=ResourceOptions(
                    parent=self,
                    # Only a configured machine joins; and it leaves before it is taken away.
                    depends_on=[fleet.applied[machine.name]],
                    # A machine that is made anew joins anew, so the old one leaves first.
                    replace_with=[fleet.made[machine.name]],
                    # The end of the whole cluster needs no goodbyes, and its API may be dead.
                    deleted_with=self.anchor,
                ),
            )

    def _talosconfig(
        self, cluster: Cluster, secrets: talos.machine.Secrets, checked: Output[Any]
    ) -> Output[str]:
        """An admin's talosconfig; endpoints are the control planes' own addresses."""
        result = talos.client.get_configuration_output(
            # As with the machines' configurations: nothing is asked while the run may end.
            cluster_name=held(naming.talos_context(cluster.name), checked),
            client_configuration=hearth.talos_client(secrets.client_configuration),
            endpoints=[str(machine.addresses[0]) for machine in cluster.control_planes],
            nodes=[str(machine.addresses[0]) for machine in cluster.machines],
            opts=InvokeOutputOptions(parent=self, provider=self._talos),
        )
        return Output.secret(result.talos_config)


def bracketed(address: object) -> str:
    """An address as it stands in a URL."""
    text = str(address)
    return f"[{text}]" if ":" in text else text
