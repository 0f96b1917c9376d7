apiVersion: apps/v1
kind: Deployment
metadata:
  name: cilium-operator
  namespace: {{ .Release.Namespace }}
  labels:
    io.cilium/app: operator
    name: cilium-operator
spec:
  replicas: {{ .Values.operator.replicas }}
  selector:
    matchLabels:
      io.cilium/app: operator
      name: cilium-operator
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 25%
      maxUnavailable: 50%
  template:
    metadata:
      labels:
        io.cilium/app: operator
        name: cilium-operator
      {{- if .Values.operator.rollOutPods }}
      annotations:
        cilium.io/cilium-configmap-checksum: {{ include "lab.configChecksum" . | quote }}
      {{- end }}
    spec:
      hostNetwork: true
      priorityClassName: system-cluster-critical
      serviceAccountName: cilium-operator
      tolerations:
        - operator: Exists
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - labelSelector:
                matchLabels:
                  io.cilium/app: operator
              topologyKey: kubernetes.io/hostname
      containers:
        - name: cilium-operator
          image: quay.io/cilium/operator-generic:v{{ .Chart.AppVersion }}
          command: [cilium-operator-generic]
          {{- if .Values.k8sServiceHost }}
          env:
            - name: KUBERNETES_SERVICE_HOST
              value: {{ .Values.k8sServiceHost | quote }}
            - name: KUBERNETES_SERVICE_PORT
              value: {{ .Values.k8sServicePort | quote }}
          {{- end }}
