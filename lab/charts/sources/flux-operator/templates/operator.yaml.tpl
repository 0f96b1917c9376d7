{{- $labels := dict "app.kubernetes.io/name" "flux-operator" "app.kubernetes.io/instance" .Release.Name }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: flux-operator
  namespace: {{ .Release.Namespace }}
  labels: {{ toJson $labels }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: flux-operator
  labels: {{ toJson $labels }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: cluster-admin
subjects:
  - kind: ServiceAccount
    name: flux-operator
    namespace: {{ .Release.Namespace }}
---
apiVersion: v1
kind: Service
metadata:
  name: flux-operator
  namespace: {{ .Release.Namespace }}
  labels: {{ toJson $labels }}
spec:
  selector: {{ toJson $labels }}
  ports:
    - {name: http-metrics, port: 8080, targetPort: 8080}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: flux-operator
  namespace: {{ .Release.Namespace }}
  labels: {{ toJson $labels }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {{ toJson $labels }}
  template:
    metadata:
      labels: {{ toJson $labels }}
    spec:
      serviceAccountName: flux-operator
      {{- with .Values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      securityContext:
        runAsNonRoot: true
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: manager
          image: ghcr.io/controlplaneio-fluxcd/flux-operator:v{{ .Chart.AppVersion }}
          ports:
            - {name: http-metrics, containerPort: 8080}
          env:
            - name: RUNTIME_NAMESPACE
              valueFrom:
                fieldRef:
                  fieldPath: metadata.namespace
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
