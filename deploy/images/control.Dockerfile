# The control plane: web, beat, publisher and gateway. From the project's root:
#     docker build -f deploy/images/control.Dockerfile -t bedplate-control:local .
# In the last stage there is no compiler, no Node, no test, no torch, and nothing that slim.py finds to be of no use.
# deploy/README.md says how to pin the bases by digest, and how big it is.
ARG NODE_IMAGE=docker.io/library/node:22-bookworm-slim
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${NODE_IMAGE} AS dashboard
WORKDIR /frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund --loglevel=error
COPY frontend/ ./
RUN npx vite build --logLevel warn

FROM ${PYTHON_IMAGE} AS application
RUN python -m venv /opt/bedplate/venv
ENV PATH=/opt/bedplate/venv/bin:$PATH
COPY requirements/control.lock /tmp/
RUN python -m pip install --no-cache-dir --no-compile --disable-pip-version-check --only-binary=:all: --require-hashes \
        -r /tmp/control.lock
WORKDIR /opt/bedplate/app
COPY manage.py ./
COPY controlplane/ controlplane/
COPY apps/ apps/
COPY workers/ workers/
COPY docs/ docs/
COPY --from=dashboard /frontend/dist/ frontend/dist/
COPY deploy/images/slim.py /tmp/
# Nothing of these settings but the folder matters here: production refuses to start without them.
RUN export DJANGO_SETTINGS_MODULE=controlplane.settings.production BEDPLATE_HOME=/tmp/home \
        BEDPLATE_STATIC_FOLDER=/opt/bedplate/static \
        BEDPLATE_DATABASE_URL=postgresql://nobody@localhost/none BEDPLATE_REDIS_URL=redis://localhost \
        BEDPLATE_SECRET_KEY=only-for-collecting-static-files-in-this-stage \
        BEDPLATE_GATEWAY_TOKEN=only-for-collecting-static-files-in-this-stage \
    && python manage.py collectstatic --noinput --verbosity 0 \
    && rm -r frontend docs/images \
    && python /tmp/slim.py

FROM ${PYTHON_IMAGE}
# The number is what counts: volumes keep it, and every image of Bedplate has the same.
RUN groupadd --gid 10001 bedplate \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/bedplate/home --no-create-home --shell /usr/sbin/nologin bedplate \
    && install -d -o 10001 -g 10001 -m 0700 \
        /var/lib/bedplate/home /var/lib/bedplate/home/jobs /var/lib/bedplate/objects /var/lib/bedplate/backups
COPY --from=application /opt/bedplate/ /opt/bedplate/
ENV PATH=/opt/bedplate/venv/bin:$PATH \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=controlplane.settings.production \
    BEDPLATE_ENV_FILE= \
    BEDPLATE_HOME=/var/lib/bedplate/home \
    BEDPLATE_STORAGE_URL=file:///var/lib/bedplate/objects \
    BEDPLATE_STATIC_FOLDER=/opt/bedplate/static
WORKDIR /opt/bedplate/app
USER 10001:10001
EXPOSE 8000 8001
STOPSIGNAL SIGTERM
CMD ["python", "-m", "controlplane.serve", "web"]
