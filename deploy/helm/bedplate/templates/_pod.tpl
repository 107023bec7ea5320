{{/* Pods of Bedplate: restricted, on a read-only root, without a token of the cluster unless the part speaks to it. */}}

{{- define "bedplate.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "bedplate.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop:
    - ALL
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* Which changes of what is not in the pod itself make new pods. */}}
{{- define "bedplate.checksums" -}}
checksum/secrets: {{ list .Values.secrets .Values.database .Values.redis.existingSecret .Values.redis.key .Values.externalSecrets .Values.storage.s3 | toJson | sha256sum }}
{{- end }}

{{/* Where a pod runs. Takes root, component, part. */}}
{{- define "bedplate.placement" -}}
{{- with .part.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $together := include "bedplate.together" . }}
{{- if or .part.affinity $together }}
affinity:
  {{- with .part.affinity }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- if $together }}
  {{- $together | nindent 2 }}
  {{- end }}
{{- end }}
{{- with .part.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* A volume that one node mounts keeps its pods on that node; a part that brings its own podAffinity says itself. */}}
{{- define "bedplate.together" -}}
{{- if and .store (not .root.Values.storage.url) (not (has "ReadWriteMany" .root.Values.storage.accessModes)) (not (hasKey (.part.affinity | default dict) "podAffinity")) -}}
podAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    - topologyKey: kubernetes.io/hostname
      labelSelector:
        matchLabels:
          app.kubernetes.io/instance: {{ .root.Release.Name }}
          bedplate.io/store: "true"
{{- end }}
{{- end }}

{{- define "bedplate.spread" -}}
topologySpreadConstraints:
  {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "bedplate.selector" $ | nindent 8 }}
    matchLabelKeys:
      - pod-template-hash
  {{- end }}
{{- end }}

{{- define "bedplate.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: {{ .part.temporary }}
{{- if ne .component "gateway" }}
- name: home
  emptyDir:
    sizeLimit: 1Gi
- name: keys
  secret:
    secretName: {{ include "bedplate.secretName" .root }}
    defaultMode: 0440
    items:
      - key: {{ .root.Values.secrets.keys.encryptionKey }}
        path: encryption-key
{{- end }}
{{- if and .store (not .root.Values.storage.url) }}
- name: objects
  persistentVolumeClaim:
    claimName: {{ .root.Values.storage.existingClaim | default (printf "%s-objects" (include "bedplate.fullname" .root)) }}
{{- end }}
{{- with .root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "bedplate.mounts" -}}
- name: tmp
  mountPath: /tmp
{{- if ne .component "gateway" }}
- name: home
  mountPath: /var/lib/bedplate/home
- name: keys
  mountPath: /etc/bedplate/keys
  readOnly: true
{{- end }}
{{- if and .store (not .root.Values.storage.url) }}
- name: objects
  mountPath: /var/lib/bedplate/objects
{{- end }}
{{- with .root.Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Until a part has started it has five minutes; then `/livez` asks nobody, and `/readyz` looks at what it needs. */}}
{{- define "bedplate.probes" -}}
startupProbe:
  httpGet:
    path: /livez
    port: http
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet:
    path: /livez
    port: http
  periodSeconds: 15
  timeoutSeconds: 5
  failureThreshold: 4
readinessProbe:
  httpGet:
    path: /readyz
    port: http
  periodSeconds: 10
  timeoutSeconds: 8
  failureThreshold: 2
{{- end }}

{{/* The container of a part. Takes what `bedplate.deployment` takes. */}}
{{- define "bedplate.container" -}}
- name: {{ .component }}
  image: {{ include "bedplate.image" (dict "root" .root "image" .root.Values.image) }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: ["python", "-m", "controlplane.serve", {{ .serves | quote }}]
  env:
    {{- if eq .component "gateway" }}
    {{- include "bedplate.gatewayEnvironment" .root | nindent 4 }}
    {{- else }}
    {{- include "bedplate.environment" .root | nindent 4 }}
    {{- end }}
    {{- range $name, $value := .environment }}
    - name: {{ $name }}
      value: {{ $value | quote }}
    {{- end }}
    {{- with concat (.root.Values.extraEnv | default list) (.part.extraEnv | default list) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .root.Values.extraEnvFrom }}
  envFrom:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .port }}
  ports:
    - name: http
      containerPort: {{ .port }}
      protocol: TCP
  {{- include "bedplate.probes" . | nindent 2 }}
  lifecycle:
    preStop:
      sleep:
        seconds: 5
  {{- end }}
  {{- with .part.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "bedplate.containerSecurity" .root | nindent 4 }}
  volumeMounts:
    {{- include "bedplate.mounts" . | nindent 4 }}
{{- end }}

{{/* A Deployment of Bedplate. Takes
     root, component    whose, and which part of it
     part               its values
     serves             what `controlplane.serve` is told
     account            plain or backend
     store              whether it reads and writes the files of the installation
     port               of HTTP with probes; 0 for none
     replicas           0: an autoscaler says how many
     recreate           whether two must never run at once
     environment        variables beside the usual */}}
{{- define "bedplate.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "bedplate.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "bedplate.labels" . | nindent 4 }}
  {{- with .root.Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if .replicas }}
  replicas: {{ .replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    {{- if .recreate }}
    type: Recreate
    {{- else }}
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
    {{- end }}
  selector:
    matchLabels:
      {{- include "bedplate.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "bedplate.labels" . | nindent 8 }}
        {{- if .store }}
        bedplate.io/store: "true"
        {{- end }}
        {{- with .part.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        {{- include "bedplate.checksums" .root | nindent 8 }}
        {{- with mergeOverwrite (deepCopy (.root.Values.podAnnotations | default dict)) (.part.podAnnotations | default dict) }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "bedplate.serviceAccount" (dict "root" .root "account" .account) }}
      automountServiceAccountToken: {{ eq .account "backend" }}
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .part.terminationGracePeriodSeconds }}
      securityContext:
        {{- include "bedplate.podSecurity" .root | nindent 8 }}
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- include "bedplate.placement" . | nindent 6 }}
      {{- include "bedplate.spread" . | nindent 6 }}
      containers:
        {{- include "bedplate.container" . | nindent 8 }}
      volumes:
        {{- include "bedplate.volumes" . | nindent 8 }}
{{- end }}

{{/* A command of manage.py in a pod of `prepare`. Takes root, component, part, store, name, words. */}}
{{- define "bedplate.command" -}}
- name: {{ .name }}
  image: {{ include "bedplate.image" (dict "root" .root "image" .root.Values.image) }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command:
    {{- toYaml .words | nindent 4 }}
  env:
    {{- include "bedplate.environment" .root | nindent 4 }}
    {{- with concat (.root.Values.extraEnv | default list) (.part.extraEnv | default list) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .root.Values.extraEnvFrom }}
  envFrom:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .part.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "bedplate.containerSecurity" .root | nindent 4 }}
  volumeMounts:
    {{- include "bedplate.mounts" . | nindent 4 }}
{{- end }}
