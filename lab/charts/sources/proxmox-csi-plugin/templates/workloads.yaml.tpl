{{- $secret := default .Release.Name .Values.existingConfigSecret }}
{{- $labels := dict "app.kubernetes.io/name" .Chart.Name "app.kubernetes.io/instance" .Release.Name }}
{{- $controller := merge (dict "app.kubernetes.io/component" "controller") $labels }}
{{- $node := merge (dict "app.kubernetes.io/component" "node") $labels }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-controller
  namespace: {{ .Release.Namespace }}
  labels: {{ toJson $controller }}
spec:
  replicas: {{ .Values.replicaCount }}
  selector:
    matchLabels: {{ toJson $controller }}
  template:
    metadata:
      labels: {{ toJson $controller }}
    spec:
      priorityClassName: {{ .Values.priorityClassName }}
      serviceAccountName: {{ .Release.Name }}-controller
      enableServiceLinks: false
      {{- with .Values.nodeSelector }}
      nodeSelector: {{ toJson . }}
      {{- end }}
      {{- with .Values.tolerations }}
      tolerations: {{ toJson . }}
      {{- end }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: proxmox-csi-plugin-controller
          image: ghcr.io/sergelogvinov/proxmox-csi-controller:{{ .Chart.AppVersion }}
          args:
            - --csi-address=unix:///csi/csi.sock
            - --cloud-config=/etc/proxmox/{{ .Values.existingConfigSecretKey }}
          volumeMounts:
            - {name: socket-dir, mountPath: /csi}
            - {name: cloud-config, mountPath: /etc/proxmox, readOnly: true}
      volumes:
        - name: socket-dir
          emptyDir: {}
        - name: cloud-config
          secret:
            secretName: {{ $secret }}
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: {{ .Release.Name }}-node
  namespace: {{ .Release.Namespace }}
  labels: {{ toJson $node }}
spec:
  selector:
    matchLabels: {{ toJson $node }}
  template:
    metadata:
      labels: {{ toJson $node }}
    spec:
      priorityClassName: system-node-critical
      serviceAccountName: {{ .Release.Name }}-node
      {{- with .Values.node.nodeSelector }}
      nodeSelector: {{ toJson . }}
      {{- end }}
      {{- with concat .Values.tolerations .Values.node.tolerations }}
      tolerations: {{ toJson . }}
      {{- end }}
      containers:
        - name: proxmox-csi-plugin-node
          image: ghcr.io/sergelogvinov/proxmox-csi-node:{{ .Chart.AppVersion }}
          args: [--csi-address=unix:///csi/csi.sock, "--node-id=$(NODE_NAME)"]
          env:
            - name: NODE_NAME
              valueFrom:
                fieldRef:
                  fieldPath: spec.nodeName
          securityContext:
            privileged: true
          volumeMounts:
            - {name: socket, mountPath: /csi}
            - {name: kubelet, mountPath: {{ .Values.node.kubeletDir }}, mountPropagation: Bidirectional}
      volumes:
        - name: socket
          hostPath:
            path: {{ .Values.node.kubeletDir }}/plugins/{{ .Values.provisionerName }}
            type: DirectoryOrCreate
        - name: kubelet
          hostPath:
            path: {{ .Values.node.kubeletDir }}
            type: Directory
