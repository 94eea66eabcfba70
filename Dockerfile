# The image of every pod in k8s/, and for `docker run`: the locked packages and this project,
# without build tools, run by an unprivileged account. docs/cluster.md explains how to build it and
# how to pin the base image by digest. For the licences of Debian and CPython see NOTICE.
ARG PYTHON=docker.io/library/python:3.11.15-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1
WORKDIR /src
COPY requirements.lock ./
RUN python -m pip install --no-cache-dir "$(grep '^uv==' requirements.lock)" \
 && python -m venv --without-pip /opt/mofi
# Third-party packages have their own layer, so a code change does not rebuild it. The lock is
# passed as a constraint, which keeps packages for tests and linters out of the image; afterwards
# every installed package is checked against it.
COPY pyproject.toml ./
RUN uv pip install --python /opt/mofi/bin/python --build-constraints requirements.lock --constraints requirements.lock \
    --requirements pyproject.toml --extra cpu
RUN sed -E 's/ *;.*//' requirements.lock > locked.txt \
 && uv pip freeze --python /opt/mofi/bin/python > installed.txt \
 && test -s installed.txt \
 && ! grep --line-regexp --invert-match --fixed-strings --file=locked.txt installed.txt
COPY README.md LICENSE NOTICE ./
COPY components components
COPY flows flows
COPY samples samples
RUN uv pip install --python /opt/mofi/bin/python --build-constraints requirements.lock --no-deps .

FROM ${PYTHON} AS runtime
# Additional Debian packages, e.g. "gcc g++" for torch.compile; none by default.
ARG PACKAGES=""
RUN if [ -n "${PACKAGES}" ]; then \
      apt-get update && apt-get install --yes --no-install-recommends ${PACKAGES} && rm -rf /var/lib/apt/lists/*; \
    fi
RUN groupadd --gid 10001 mofi \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin mofi \
 && install --directory --owner=10001 --group=10001 /work
COPY --from=build /opt/mofi /opt/mofi
# The commit that the image was built from; MLflow runs record it.
ARG COMMIT=""
LABEL org.opencontainers.image.title="mofi-platform" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${COMMIT}"
# The root file system is read-only: caches go to /tmp, and bytecode was compiled at build time.
# Telemetry is off.
ENV PATH=/opt/mofi/bin:${PATH} \
    HOME=/tmp \
    MOFI_COMMIT=${COMMIT} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GIT_PYTHON_REFRESH=quiet \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    DVC_NO_ANALYTICS=1 \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    RAY_USAGE_STATS_ENABLED=0
WORKDIR /work
USER 10001:10001
ENTRYPOINT ["mofi"]
CMD ["--help"]
