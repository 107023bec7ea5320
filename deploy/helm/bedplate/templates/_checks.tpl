{{/* What no schema can say: values that do not fit each other. */}}
{{- define "bedplate.checks" -}}
{{- $values := .Values }}
{{- if not (or $values.secrets.existingSecret $values.secrets.generate $values.externalSecrets.enabled) }}
{{- fail "secrets: name a Secret (secrets.existingSecret), enable externalSecrets, or set secrets.generate for a trial" }}
{{- end }}
{{- if and $values.secrets.generate (or $values.secrets.existingSecret $values.externalSecrets.enabled) }}
{{- fail "secrets.generate: the Secret is named or fetched already; choose one" }}
{{- end }}
{{- if and $values.postgresql.enabled (not $values.secrets.generate) }}
{{- fail "postgresql.enabled: the database of a trial takes its password from secrets.generate" }}
{{- end }}
{{- if and $values.redis.enabled (not $values.secrets.generate) }}
{{- fail "redis.enabled: the Redis of a trial takes its password from secrets.generate" }}
{{- end }}
{{- if not (or $values.postgresql.enabled $values.database.existingSecret $values.externalSecrets.enabled) }}
{{- fail "database.existingSecret: name the Secret with the address of PostgreSQL, or set postgresql.enabled for a trial" }}
{{- end }}
{{- if and $values.postgresql.enabled $values.database.existingSecret }}
{{- fail "postgresql.enabled: database.existingSecret names another PostgreSQL; choose one" }}
{{- end }}
{{- if not (or $values.redis.enabled $values.redis.existingSecret $values.externalSecrets.enabled) }}
{{- fail "redis.existingSecret: name the Secret with the address of Redis, or set redis.enabled for a trial" }}
{{- end }}
{{- if and $values.redis.enabled $values.redis.existingSecret }}
{{- fail "redis.enabled: redis.existingSecret names another Redis; choose one" }}
{{- end }}
{{- if and $values.ingress.enabled (not $values.trustedProxies) }}
{{- fail "trustedProxies: say from which addresses the ingress controller comes; else its X-Forwarded-Proto is not believed, and every page redirects to itself" }}
{{- end }}
{{- if and $values.storage.url $values.storage.existingClaim }}
{{- fail "storage.existingClaim: storage.url names a bucket; choose one" }}
{{- end }}
{{- if and $values.rbac.namespaces $values.cluster.makesNamespaces }}
{{- fail "rbac.namespaces: with rights in these namespaces only, Bedplate cannot make others: set cluster.makesNamespaces to false" }}
{{- end }}
{{- end }}
