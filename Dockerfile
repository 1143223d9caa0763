# One image for every process: `<image> services.intake api`, `<image> ops.main topics apply`.
# The locks name no index: pip takes the one of the house (PIP_INDEX_URL as a build argument, or pip's own configuration).
ARG BASE=python:3.13-slim

FROM ${BASE} AS packages
ARG PIP_INDEX_URL
WORKDIR /build
RUN python3 -m venv /opt/venv
COPY requirements.lock ./
RUN /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r requirements.lock

FROM ${BASE}
# The root file system may be read-only: nothing is written but /tmp.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY shared ./shared
COPY services ./services
COPY ops ./ops
# Compiled here, because the process may not write byte code: else each start compiles everything anew.
RUN python -m compileall -q /app
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
# No HEALTHCHECK: who supervises asks /livez and /readyz on the process' own port.
ENTRYPOINT ["python", "-m"]
CMD ["ops.main", "--help"]
