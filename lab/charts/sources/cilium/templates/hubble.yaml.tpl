{{- if .Values.hubble.enabled }}
apiVersion: v1
kind: Service
metadata:
  name: hubble-peer
  namespace: {{ .Release.Namespace }}
  labels:
    k8s-app: cilium
spec:
  selector:
    k8s-app: cilium
  ports:
    - name: peer-service
      port: 443
      targetPort: 4244
  internalTrafficPolicy: Local
{{- $parts := dict "relay" (dict "image" "quay.io/cilium/hubble-relay" "port" 4245) }}
{{- $_ := set $parts "ui" (dict "image" "quay.io/cilium/hubble-ui" "port" 8081) }}
{{- range $name, $part := $parts }}
{{- $chosen := index $.Values.hubble $name }}
{{- if $chosen.enabled }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: hubble-{{ $name }}
  namespace: {{ $.Release.Namespace }}
  labels:
    k8s-app: hubble-{{ $name }}
spec:
  replicas: {{ $chosen.replicas }}
  selector:
    matchLabels:
      k8s-app: hubble-{{ $name }}
  template:
    metadata:
      labels:
        k8s-app: hubble-{{ $name }}
    spec:
      automountServiceAccountToken: false
      containers:
        - name: hubble-{{ $name }}
          image: {{ $part.image }}:v{{ $.Chart.AppVersion }}
          ports:
            - name: http
              containerPort: {{ $part.port }}
---
apiVersion: v1
kind: Service
metadata:
  name: hubble-{{ $name }}
  namespace: {{ $.Release.Namespace }}
  labels:
    k8s-app: hubble-{{ $name }}
spec:
  selector:
    k8s-app: hubble-{{ $name }}
  ports:
    - name: http
      port: 80
      targetPort: {{ $part.port }}
{{- end }}
{{- end }}
{{- end }}
