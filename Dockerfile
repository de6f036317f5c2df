# OMS as an image: docs/containers.md says how to build and run it. tests/test_containers.py runs the commands below.
ARG PYTHON=3.13-slim-bookworm

FROM python:${PYTHON} AS build
# mysqlclient is compiled; the compiler stays in this stage. Debian's versions follow its security updates.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends default-libmysqlclient-dev gcc libc6-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
WORKDIR /app
# The environment gets no pip: nothing is installed once the image is built.
RUN python -m venv --without-pip /venv
COPY requirements.lock requirements-mysql.lock requirements-postgresql.lock requirements-s3.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m pip --python /venv/bin/python install --require-hashes \
    -r requirements.lock -r requirements-mysql.lock -r requirements-postgresql.lock -r requirements-s3.lock
COPY . .
# The settings ask for keys; these are thrown away with the command.
RUN SECRET_KEY=only-while-the-image-is-built DATABASE_URL=sqlite://:memory: \
    FIELD_ENCRYPTION_KEY="$(/venv/bin/python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')" \
    /venv/bin/python manage.py collectstatic --no-input
RUN /venv/bin/python -m compileall -q .

FROM python:${PYTHON}
# The library that mysqlclient is linked with.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libmariadb3 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /venv /venv
COPY --from=build /app /app
# Nothing is written but to /tmp: the root file system may be read-only, and there is no home.
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin HOME=/nonexistent \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 WEB_CONCURRENCY=2
WORKDIR /app
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "scripts.healthcheck"]
CMD ["python", "-m", "gunicorn", "oms.wsgi", "--bind", "0.0.0.0:8000", "--threads", "8", "--timeout", "120", "--graceful-timeout", "30", "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
