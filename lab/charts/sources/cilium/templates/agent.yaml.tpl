apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: cilium
  namespace: {{ .Release.Namespace }}
  labels:
    k8s-app: cilium
    app.kubernetes.io/part-of: cilium
spec:
  selector:
    matchLabels:
      k8s-app: cilium
  updateStrategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 2
  template:
    metadata:
      labels:
        k8s-app: cilium
        app.kubernetes.io/part-of: cilium
      {{- if .Values.rollOutCiliumPods }}
      annotations:
        cilium.io/cilium-configmap-checksum: {{ include "lab.configChecksum" . | quote }}
      {{- end }}
    spec:
      hostNetwork: true
      priorityClassName: system-node-critical
      serviceAccountName: cilium
      nodeSelector: {{ toJson .Values.nodeSelector }}
      tolerations:
        - operator: Exists
      containers:
        - name: cilium-agent
          image: quay.io/cilium/cilium:v{{ .Chart.AppVersion }}
          command: [cilium-agent]
          args: [--config-dir=/tmp/cilium/config-map]
          {{- if .Values.k8sServiceHost }}
          env:
            - name: KUBERNETES_SERVICE_HOST
              value: {{ .Values.k8sServiceHost | quote }}
            - name: KUBERNETES_SERVICE_PORT
              value: {{ .Values.k8sServicePort | quote }}
          {{- end }}
          securityContext:
            capabilities:
              add: {{ toJson .Values.securityContext.capabilities.ciliumAgent }}
              drop: [ALL]
          volumeMounts:
            - name: cilium-config-path
              mountPath: /tmp/cilium/config-map
              readOnly: true
      volumes:
        - name: cilium-config-path
          configMap:
            name: cilium-config
