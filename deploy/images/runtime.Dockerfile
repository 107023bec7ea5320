# Two images, one built on the other. From the project's root:
#     docker build -f deploy/images/runtime.Dockerfile --target runtime -t bedplate-runtime:local .
#     docker build -f deploy/images/runtime.Dockerfile --target worker -t bedplate-worker:local .
# `runtime` is what jobs and replicas run in: torch and the engines, and of the project what is loaded inside a job.
# `worker` has the control plane beside it, for the backend `local`, whose jobs are processes of the worker's container.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS runtime
# Where torch comes from, as in the Makefile: "--index-url https://download.pytorch.org/whl/cpu", ".../cu128".
# Empty: the usual index, whose build for x86-64 has CUDA.
ARG TORCH_ARGS=
RUN groupadd --gid 10001 bedplate \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/bedplate/home --no-create-home --shell /usr/sbin/nologin bedplate \
    && install -d -o 10001 -g 10001 -m 0700 \
        /var/lib/bedplate/home /var/lib/bedplate/home/jobs /var/lib/bedplate/objects /var/lib/bedplate/backups \
    && python -m venv /opt/bedplate/venv
ENV PATH=/opt/bedplate/venv/bin:$PATH \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
COPY requirements/runtime.lock requirements/torch.txt /opt/bedplate/requirements/
RUN python -m pip install --no-cache-dir --disable-pip-version-check --only-binary=:all: --require-hashes \
        -r /opt/bedplate/requirements/runtime.lock
# Without hashes, because each index has builds of its own: requirements/torch.txt pins the version.
RUN python -m pip install --no-cache-dir --disable-pip-version-check --only-binary=:all: ${TORCH_ARGS} \
        -r /opt/bedplate/requirements/torch.txt
WORKDIR /opt/bedplate/app
COPY workers/__init__.py workers/
COPY workers/contracts/ workers/contracts/
COPY workers/runtime/ workers/runtime/
RUN python -m compileall -q --invalidation-mode unchecked-hash .
ENV PYTHONPATH=/opt/bedplate/app
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["python"]

FROM runtime AS worker
USER 0:0
# Both locks follow requirements/dev.lock, so a package that is in both has one version.
COPY requirements/control.lock /opt/bedplate/requirements/
RUN python -m pip install --no-cache-dir --disable-pip-version-check --only-binary=:all: --require-hashes \
        -r /opt/bedplate/requirements/control.lock
COPY manage.py ./
COPY controlplane/ controlplane/
COPY apps/ apps/
COPY workers/ workers/
RUN python -m compileall -q --invalidation-mode unchecked-hash .
# The static files are in the control image: nothing is collected here.
ENV DJANGO_SETTINGS_MODULE=controlplane.settings.production \
    BEDPLATE_ENV_FILE= \
    BEDPLATE_HOME=/var/lib/bedplate/home \
    BEDPLATE_STORAGE_URL=file:///var/lib/bedplate/objects \
    BEDPLATE_STATIC_FOLDER=/opt/bedplate/static
USER 10001:10001
EXPOSE 8002
CMD ["python", "-m", "controlplane.serve", "worker"]
