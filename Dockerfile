# The image of every pod (k8s/) and of `docker run`: locked packages, this project, an unprivileged
# user, no build tools. docs/cluster.md says how to build it, and how to pin the base image by its
# digest. For the licences of Debian and CPython see NOTICE.
ARG PYTHON=docker.io/library/python:3.11.15-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1
WORKDIR /src
COPY requirements.lock ./
RUN python -m pip install --no-cache-dir "$(grep '^uv==' requirements.lock)" \
 && python -m venv --without-pip /opt/mofi
# Third-party packages are a layer of their own, which a change of the code does not invalidate. The
# lock is a constraint, so that packages needed only by tests and linters stay out; the installed
# packages are then compared with it.
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
# Debian packages in addition to those of the base, e.g. "gcc g++" for torch.compile; none by
# default.
ARG PACKAGES=""
RUN if [ -n "${PACKAGES}" ]; then \
      apt-get update && apt-get install --yes --no-install-recommends ${PACKAGES} && rm -rf /var/lib/apt/lists/*; \
    fi
RUN groupadd --gid 10001 mofi \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin mofi \
 && install --directory --owner=10001 --group=10001 /work
COPY --from=build /opt/mofi /opt/mofi
# The commit that the image was built from; it is recorded in MLflow's runs.
ARG COMMIT=""
LABEL org.opencontainers.image.title="mofi-platform" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${COMMIT}"
# The root is read-only: caches go to /tmp, and bytecode is compiled above. Nothing phones home.
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
