{{- if .Values.installCRDs }}
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: fluxinstances.fluxcd.controlplane.io
  annotations:
    helm.sh/resource-policy: keep
spec:
  group: fluxcd.controlplane.io
  scope: Namespaced
  names:
    kind: FluxInstance
    listKind: FluxInstanceList
    plural: fluxinstances
    singular: fluxinstance
  versions:
    - name: v1
      served: true
      storage: true
      subresources:
        status: {}
      additionalPrinterColumns:
        - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
        - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            apiVersion: {type: string}
            kind: {type: string}
            metadata: {type: object}
            spec:
              type: object
              required: [distribution]
              properties:
                distribution:
                  type: object
                  required: [registry, version]
                  properties:
                    version: {type: string, minLength: 1}
                    registry: {type: string, minLength: 1}
                    artifact: {type: string}
                    artifactPullSecret: {type: string}
                    imagePullSecret: {type: string}
                    variant: {type: string}
                components:
                  type: array
                  items: {type: string}
                cluster:
                  type: object
                  x-kubernetes-preserve-unknown-fields: true
                sync:
                  type: object
                  required: [kind, path, ref, url]
                  properties:
                    name: {type: string}
                    kind: {type: string, enum: [GitRepository, OCIRepository, Bucket]}
                    url: {type: string}
                    ref: {type: string}
                    path: {type: string}
                    interval: {type: string}
                    provider: {type: string}
                    pullSecret: {type: string}
                storage:
                  type: object
                  x-kubernetes-preserve-unknown-fields: true
                sharding:
                  type: object
                  x-kubernetes-preserve-unknown-fields: true
                kustomize:
                  type: object
                  x-kubernetes-preserve-unknown-fields: true
                commonMetadata:
                  type: object
                  x-kubernetes-preserve-unknown-fields: true
                migrateResources: {type: boolean}
                wait: {type: boolean}
            status:
              type: object
              x-kubernetes-preserve-unknown-fields: true
{{- end }}
