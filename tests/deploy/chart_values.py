"""Sets of values with which the tests render the chart."""

from __future__ import annotations

from tests.deploy.helm import Values

DIGEST = "sha256:" + "0123456789abcdef" * 4
TRIAL: Values = {
    "host": "ai.example.org",
    "secrets": {"generate": True},
    "postgresql": {"enabled": True},
    "redis": {"enabled": True},
    "storage": {"accessModes": ["ReadWriteOnce"]},
    "web": {"replicas": 1},
}
MINIMAL: Values = {
    "host": "ai.example.org",
    "secrets": {"existingSecret": "keys"},
    "database": {"existingSecret": "keys"},
    "redis": {"existingSecret": "keys"},
    "storage": {"url": "s3://bedplate"},
}
PRODUCTION: Values = {
    "host": "ai.example.org",
    "allowedHosts": ["bedplate.internal"],
    "trustedProxies": ["10.42.7.0/24"],
    "image": {"registry": "registry.example.org/ai", "tag": "2026.11", "digest": DIGEST},
    "runtimeImage": {"registry": "registry.example.org/ai", "tag": "2026.11"},
    "imagePullSecrets": [{"name": "registry"}],
    "secrets": {"existingSecret": "bedplate-keys"},
    "database": {"existingSecret": "bedplate-postgres", "key": "uri"},
    "redis": {"existingSecret": "bedplate-redis", "key": "uri"},
    "storage": {
        "url": "s3://bedplate/production",
        "s3": {"endpointUrl": "https://minio.example.org", "region": "eu-central-1", "existingSecret": "bedplate-s3"},
    },
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "gatewayHost": "models.example.org",
        "tlsSecret": "tls",
        "annotations": {"nginx.ingress.kubernetes.io/proxy-read-timeout": "3600"},
    },
    "networkPolicies": {
        "ingressFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}],
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "databaseTo": [{"ipBlock": {"cidr": "10.9.0.0/24"}}],
    },
    "autoscaling": {"enabled": True, "minReplicas": 3},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
}
_PART: Values = {
    "nodeSelector": {"pool": "control"},
    "tolerations": [{"key": "control", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "priorityClassName": "system-cluster-critical",
    "podLabels": {"team": "ai"},
    "podAnnotations": {"example.org/of": "the part"},
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
}
EVERYTHING: Values = {
    **PRODUCTION,
    "fullnameOverride": "a-name-that-is-longer-than-any-that-people-would-choose-for-it",
    "gatewayUrl": "https://ai.example.org:8443",
    "listen": "::",
    "settings": {"BEDPLATE_CURRENCY": "EUR", "BEDPLATE_QUEUE_LIMIT_SECONDS": "604800"},
    "secrets": {},
    "externalSecrets": {
        "enabled": True,
        "secretStoreRef": {"name": "vault"},
        "data": [
            {"secretKey": key, "remoteRef": {"key": "bedplate/production", "property": key}}
            for key in ("secret-key", "gateway-token", "encryption-key", "database-url", "redis-url")
        ],
    },
    "database": {},
    "redis": {},
    "storage": {"existingClaim": "objects"},
    "service": {"type": "NodePort", "ipFamilyPolicy": "PreferDualStack", "annotations": {"example.org/a": "b"}},
    **dict.fromkeys(("web", "gateway", "beat", "publisher", "watcher", "prepare"), _PART),
    "worker": {**_PART, "concurrency": 4},
    "queues": {"data": {"replicas": 3, "concurrency": 16}},
    "commonLabels": {"cost-centre": "42"},
    "commonAnnotations": {"example.org/owner": "platform"},
    "podAnnotations": {"example.org/of": "all"},
    "extraEnv": [{"name": "SSL_CERT_FILE", "value": "/etc/ssl/own.pem"}],
    "extraEnvFrom": [{"configMapRef": {"name": "more"}}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ssl/own.pem", "subPath": "own.pem", "readOnly": True}],
}
SETS = {"trial": TRIAL, "minimal": MINIMAL, "production": PRODUCTION, "everything": EVERYTHING}
