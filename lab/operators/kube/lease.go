package kube

import (
	"context"
	"net/http"
	"time"
)

// Lease is held by one of several copies of a controller.
type Lease struct {
	Client              *Client
	Namespace, Name, Me string
}

const (
	leaseSeconds = 15
	leaseTime    = "2006-01-02T15:04:05.000000Z07:00"
)

// Hold takes or renews the lease, and tells whether it is held now.
func (l Lease) Hold(ctx context.Context) (bool, error) {
	now := time.Now().UTC()
	wanted := Object{
		"holderIdentity": l.Me, "leaseDurationSeconds": leaseSeconds, "renewTime": now.Format(leaseTime),
	}
	all := Kind{API: "/apis/coordination.k8s.io/v1", Plural: "leases"}
	lease, err := l.Client.Do(ctx, http.MethodGet, all.Path(l.Namespace, l.Name), "", nil)
	if HasCode(err, http.StatusNotFound) {
		_, err = l.Client.Do(ctx, http.MethodPost, all.Path(l.Namespace, ""), "", Object{
			"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
			"metadata": Object{"name": l.Name, "namespace": l.Namespace}, "spec": wanted,
		})
		return err == nil, notOurs(err)
	}
	if err != nil {
		return false, err
	}
	renewed, _ := time.Parse(time.RFC3339Nano, Text(lease, "spec", "renewTime"))
	holder := Text(lease, "spec", "holderIdentity")
	if holder != "" && holder != l.Me && now.Before(renewed.Add(leaseSeconds*time.Second)) {
		return false, nil
	}
	lease["spec"] = wanted
	_, err = l.Client.Do(ctx, http.MethodPut, all.Path(l.Namespace, l.Name), "", lease)
	return err == nil, notOurs(err)
}

// notOurs: that somebody else was faster is no error.
func notOurs(err error) error {
	if HasCode(err, http.StatusConflict) {
		return nil
	}
	return err
}
