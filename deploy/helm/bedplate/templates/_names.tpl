{{/* Names and labels. The full name has 40 characters at most: what is made of it, and what Kubernetes makes of that
     (pods of StatefulSets, their revisions), stays a label of 63. */}}

{{- define "bedplate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "bedplate.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* What never changes for a part: selectors are immutable. Takes root and component. */}}
{{- define "bedplate.selector" -}}
app.kubernetes.io/name: {{ include "bedplate.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels of every object. Takes root and component. The manager is Helm and never `bedplate`: that one is on what
     Bedplate itself makes for jobs. */}}
{{- define "bedplate.labels" -}}
{{ include "bedplate.selector" . }}
app.kubernetes.io/part-of: bedplate
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The address of an image. Takes root and image (registry, repository, tag, digest). */}}
{{- define "bedplate.image" -}}
{{- $name := .image.repository }}
{{- with .image.registry }}{{ $name = printf "%s/%s" . $name }}{{ end }}
{{- if .image.digest }}
{{- printf "%s:%s@%s" $name (.image.tag | default .root.Chart.AppVersion) .image.digest }}
{{- else }}
{{- printf "%s:%s" $name (.image.tag | default .root.Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- define "bedplate.webUrl" -}}
http://{{ include "bedplate.fullname" . }}-web.{{ .Release.Namespace }}.svc:8000
{{- end }}

{{/* Where callers find served models. */}}
{{- define "bedplate.gatewayUrl" -}}
{{- if .Values.gatewayUrl }}
{{- .Values.gatewayUrl }}
{{- else if and .Values.ingress.enabled .Values.ingress.gatewayHost }}
{{- printf "https://%s" .Values.ingress.gatewayHost }}
{{- else }}
{{- printf "http://%s-gateway.%s.svc:8001" (include "bedplate.fullname" .) .Release.Namespace }}
{{- end }}
{{- end }}

{{/* The Job of migrations. That of a trial's first install has a name of its own: the next upgrade takes it away. */}}
{{- define "bedplate.prepareName" -}}
{{- $first := and .Release.IsInstall (or .Values.postgresql.enabled .Values.redis.enabled) }}
{{- printf "%s-%s" (include "bedplate.fullname" .) (ternary "prepare-first" "prepare" $first) }}
{{- end }}

{{/* ServiceAccounts: `plain` has no rights, `backend` speaks to the cluster. Takes root and account. */}}
{{- define "bedplate.serviceAccount" -}}
{{- $account := get .root.Values.serviceAccounts .account }}
{{- if $account.create }}
{{- default (printf "%s-%s" (include "bedplate.fullname" .root) .account) $account.name }}
{{- else }}
{{- required (printf "serviceAccounts.%s.name: name the ServiceAccount, or let the chart create one" .account) $account.name }}
{{- end }}
{{- end }}
