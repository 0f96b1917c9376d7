package play

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"hearth/lab/operators/kube"
)

const storageAPI = "/apis/storage.k8s.io/v1"

const (
	zoneLabel, regionLabel = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
	proxmox                = "csi.proxmox.sinextra.dev"
	room                   = "1Ti"
)

var (
	claims     = kube.Kind{API: core, Plural: "persistentvolumeclaims"}
	volumes    = kube.Kind{API: core, Plural: "persistentvolumes"}
	nodes      = kube.Kind{API: core, Plural: "nodes"}
	classes    = kube.Kind{API: storageAPI, Plural: "storageclasses"}
	drivers    = kube.Kind{API: storageAPI, Plural: "csidrivers"}
	capacities = kube.Kind{API: storageAPI, Plural: "csistoragecapacities"}

	volumeKinds = []kube.Kind{claims, volumes, nodes, classes, drivers, capacities}
)

// volumesPass provisions as the CSI provisioner does, but for the volume itself: there is only a
// PersistentVolume, and Kubernetes binds it.
func volumesPass(ctx context.Context, w *World) error {
	capacity := w.announceRoom(ctx)
	made := w.each(claims, func(claim kube.Object) error {
		annotations := kube.Strings(claim, "metadata", "annotations")
		class := w.Get(classes, "", kube.Text(claim, "spec", "storageClassName"))
		late := kube.Text(class, "volumeBindingMode") == "WaitForFirstConsumer"
		switch {
		case kube.Text(claim, "spec", "volumeName") != "", kube.Text(class, "provisioner") != w.Provisioner,
			annotations["volume.kubernetes.io/storage-provisioner"] != w.Provisioner,
			late && annotations["volume.kubernetes.io/selected-node"] == "",
			w.Get(volumes, "", volumeName(claim)) != nil:
			return nil
		}
		node := w.Get(nodes, "", annotations["volume.kubernetes.io/selected-node"])
		if late && node == nil {
			return nil
		}
		return w.put(ctx, volumes, http.MethodPost, volumes.Path("", ""), "", volume(claim, class, node))
	})
	freed := w.each(volumes, func(o kube.Object) error {
		mine := kube.Strings(o, "metadata", "annotations")["pv.kubernetes.io/provisioned-by"] == w.Provisioner
		if !mine || kube.Text(o, "status", "phase") != "Released" ||
			kube.Text(o, "spec", "persistentVolumeReclaimPolicy") != "Delete" {
			return nil
		}
		return w.put(ctx, volumes, http.MethodDelete, volumes.Path("", kube.Name(o)), "", nil)
	})
	return errors.Join(capacity, made, freed)
}

func volumeName(claim kube.Object) string { return "pvc-" + kube.Text(claim, "metadata", "uid") }

// volume is the PersistentVolume that a claim gets; with a node, where that node is.
func volume(claim, class, node kube.Object) kube.Object {
	name, driver := volumeName(claim), kube.Text(class, "provisioner")
	policy := kube.Text(class, "reclaimPolicy")
	if policy == "" {
		policy = "Delete"
	}
	mode := kube.Text(claim, "spec", "volumeMode")
	if mode == "" {
		mode = "Filesystem"
	}
	parameters := kube.Strings(class, "parameters")
	source := kube.Object{"driver": driver, "volumeHandle": name}
	if kind := first(parameters, "csi.storage.k8s.io/fstype", "fsType"); kind != "" {
		source["fsType"] = kind
	}
	spec := kube.Object{
		"capacity":    kube.Object{"storage": kube.Dig(claim, "spec", "resources", "requests")["storage"]},
		"accessModes": kube.Dig(claim, "spec")["accessModes"], "persistentVolumeReclaimPolicy": policy,
		"storageClassName": kube.Name(class), "volumeMode": mode, "csi": source,
		"claimRef": kube.Object{
			"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": kube.Namespace(claim),
			"name": kube.Name(claim), "uid": kube.Text(claim, "metadata", "uid"),
		},
	}
	if options, there := class["mountOptions"]; there {
		spec["mountOptions"] = options
	}
	if place := topology(node); driver == proxmox && len(place) > 0 {
		// The driver's own spelling: region/zone/storage/disk.
		source["volumeHandle"] = strings.Join([]string{
			place[regionLabel], place[zoneLabel], parameters["storage"], "vm-9999-" + name}, "/")
		spec["nodeAffinity"] = kube.Object{"required": kube.Object{"nodeSelectorTerms": list(terms(place))}}
	}
	return kube.Object{
		"apiVersion": "v1", "kind": "PersistentVolume", "spec": spec,
		"metadata": kube.Object{
			"name": name, "annotations": kube.Object{"pv.kubernetes.io/provisioned-by": driver},
		},
	}
}

// topology is where a node is, by the labels that drivers look at.
func topology(node kube.Object) map[string]string {
	labels, out := kube.Strings(node, "metadata", "labels"), map[string]string{}
	for _, key := range []string{regionLabel, zoneLabel} {
		if labels[key] != "" {
			out[key] = labels[key]
		}
	}
	return out
}

func terms(place map[string]string) kube.Object {
	expressions := list()
	for _, key := range []string{regionLabel, zoneLabel} {
		if place[key] != "" {
			expressions = append(expressions, kube.Object{"key": key, "operator": "In", "values": []any{place[key]}})
		}
	}
	return kube.Object{"matchExpressions": expressions}
}

// announceRoom says that there is room in every zone: where a driver announces its capacity, the
// scheduler places no pod without.
func (w *World) announceRoom(ctx context.Context) error {
	if kube.Dig(w.Get(drivers, "", w.Provisioner), "spec")["storageCapacity"] != true {
		return nil
	}
	var failed []error
	all, _ := w.All(nodes)
	failed = append(failed, w.each(classes, func(class kube.Object) error {
		if kube.Text(class, "provisioner") != w.Provisioner {
			return nil
		}
		var told []error
		for _, node := range all {
			place := topology(node)
			if len(place) == 0 {
				continue
			}
			name := strings.ToLower(strings.Join([]string{
				"csisc", kube.Name(class), place[regionLabel], place[zoneLabel]}, "-"))
			if w.Get(capacities, w.Own, name) != nil {
				continue
			}
			labels := kube.Object{}
			for key, value := range place {
				labels[key] = value
			}
			told = append(told, w.put(ctx, capacities, http.MethodPost, capacities.Path(w.Own, ""), "", kube.Object{
				"apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity",
				"metadata":         kube.Object{"name": name, "namespace": w.Own},
				"storageClassName": kube.Name(class), "capacity": room,
				"nodeTopology": kube.Object{"matchLabels": labels},
			}))
		}
		return errors.Join(told...)
	}))
	return errors.Join(failed...)
}
