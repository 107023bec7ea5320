{{/* The environment of Bedplate's own processes. Secrets come by reference, everything else stands here. */}}

{{- define "bedplate.secretName" -}}
{{- if .Values.secrets.existingSecret }}
{{- .Values.secrets.existingSecret }}
{{- else }}
{{- printf "%s-secrets" (include "bedplate.fullname" .) }}
{{- end }}
{{- end }}

{{- define "bedplate.databaseSecretName" -}}
{{- .Values.database.existingSecret | default (printf "%s-secrets" (include "bedplate.fullname" .)) }}
{{- end }}

{{- define "bedplate.redisSecretName" -}}
{{- .Values.redis.existingSecret | default (printf "%s-secrets" (include "bedplate.fullname" .)) }}
{{- end }}

{{/* Takes name, secret, key. */}}
{{- define "bedplate.fromSecret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end }}

{{/* Of the gateway, which knows no key of the control plane but its own token. */}}
{{- define "bedplate.gatewayEnvironment" -}}
- name: BEDPLATE_HOST
  value: {{ .Values.listen | quote }}
- name: BEDPLATE_GATEWAY_PORT
  value: "8001"
- name: BEDPLATE_JOB_API_URL
  value: {{ include "bedplate.webUrl" . | quote }}
- name: BEDPLATE_LOG_LEVEL
  value: {{ .Values.logs.level | quote }}
- name: BEDPLATE_LOG_FORMAT
  value: {{ .Values.logs.format | quote }}
{{ include "bedplate.fromSecret" (dict "name" "BEDPLATE_GATEWAY_TOKEN" "secret" (include "bedplate.secretName" .) "key" .Values.secrets.keys.gatewayToken) }}
{{- end }}

{{/* Of every process of Django. */}}
{{- define "bedplate.environment" -}}
- name: DJANGO_SETTINGS_MODULE
  value: controlplane.settings.production
- name: BEDPLATE_HOME
  value: /var/lib/bedplate/home
- name: BEDPLATE_STORAGE_URL
  value: {{ .Values.storage.url | default "file:///var/lib/bedplate/objects" | quote }}
- name: BEDPLATE_ENCRYPTION_KEY_FILE
  value: /etc/bedplate/keys/encryption-key
- name: BEDPLATE_PORT
  value: "8000"
- name: BEDPLATE_WORKER_METRICS_PORT
  value: "8002"
- name: BEDPLATE_GATEWAY_URL
  value: {{ include "bedplate.gatewayUrl" . | quote }}
- name: BEDPLATE_ALLOWED_HOSTS
  value: {{ concat (list .Values.host (printf "%s-web" (include "bedplate.fullname" .)) (printf "%s-web.%s.svc" (include "bedplate.fullname" .) .Release.Namespace)) .Values.allowedHosts | uniq | join "," | quote }}
- name: BEDPLATE_TRUSTED_PROXIES
  value: {{ .Values.trustedProxies | default (list "127.0.0.1") | join "," | quote }}
- name: BEDPLATE_BACKEND
  value: {{ printf "kubernetes/%s" .Values.cluster.name | quote }}
- name: BEDPLATE_RUNTIME_IMAGE
  value: {{ include "bedplate.image" (dict "root" . "image" .Values.runtimeImage) | quote }}
{{ include "bedplate.gatewayEnvironment" . }}
{{ include "bedplate.fromSecret" (dict "name" "BEDPLATE_SECRET_KEY" "secret" (include "bedplate.secretName" .) "key" .Values.secrets.keys.secretKey) }}
{{ include "bedplate.fromSecret" (dict "name" "BEDPLATE_DATABASE_URL" "secret" (include "bedplate.databaseSecretName" .) "key" .Values.database.key) }}
{{ include "bedplate.fromSecret" (dict "name" "BEDPLATE_REDIS_URL" "secret" (include "bedplate.redisSecretName" .) "key" .Values.redis.key) }}
{{- with .Values.storage.s3 }}
{{- if $.Values.storage.url }}
{{- if .endpointUrl }}
- name: AWS_ENDPOINT_URL_S3
  value: {{ .endpointUrl | quote }}
{{- end }}
{{- if .region }}
- name: AWS_DEFAULT_REGION
  value: {{ .region | quote }}
{{- end }}
{{- if .existingSecret }}
{{ include "bedplate.fromSecret" (dict "name" "AWS_ACCESS_KEY_ID" "secret" .existingSecret "key" .accessKeyIdKey) }}
{{ include "bedplate.fromSecret" (dict "name" "AWS_SECRET_ACCESS_KEY" "secret" .existingSecret "key" .secretAccessKeyKey) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}
