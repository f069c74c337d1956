# Two images: `gateway` (no TensorFlow) and `trainer`. See docs/operations.md, "Images".
#
#   docker build --target gateway -t miwake-gateway .
#
# BASE has Python 3.11 or newer with venv, and nothing else is asked of it. Pin it by its digest:
#   --build-arg BASE=docker.io/library/python:3.11-slim-bookworm@sha256:…
ARG BASE=docker.io/library/python:3.11-slim-bookworm

# What both are built with, and what neither holds: hatchling for our wheel, cyclonedx-bom for the SBOM.
FROM ${BASE} AS tools
WORKDIR /src
COPY requirements/image.txt requirements/
RUN python3 -m venv /opt/tools \
    && /opt/tools/bin/pip install --no-cache-dir --require-hashes --requirement requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY contract contract
COPY miwake miwake
COPY modelserver modelserver
COPY scoring scoring
COPY serving serving
COPY training training
COPY tuning tuning
RUN /opt/tools/bin/hatchling build --target wheel --directory /wheel

# SERVING=serving-full brings traces (OTLP) and HEIC photographs, SERVING=serving-scoring what `miwake score` writes.
FROM tools AS gateway-built
ARG SERVING=serving
COPY requirements/${SERVING}.txt requirements/
# Importing it once leaves the bytecode of what the gateway imports and of nothing else: pip would compile
# everything, which is 20 MB more; without any, every start takes seconds. Packages' own tests and what only
# compilers read are another 16 MB.
RUN python3 -m venv --without-pip /opt/miwake \
    && /opt/tools/bin/pip --python /opt/miwake/bin/python install --no-cache-dir --no-compile --require-hashes \
        --requirement "requirements/${SERVING}.txt" \
    && /opt/tools/bin/pip --python /opt/miwake/bin/python install --no-cache-dir --no-compile --no-deps --no-index \
        /wheel/*.whl \
    && /opt/tools/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
        --output-file /opt/miwake/sbom.cdx.json /opt/miwake/bin/python \
    && find /opt/miwake -type d '(' -name tests -o -path '*/numpy/f2py' -o -path '*/numpy/distutils' ')' -prune \
        -exec rm -r {} + \
    && find /opt/miwake -type f '(' -name '*.pyi' -o -name '*.[ach]' -o -name '*.p[xy][dx]' ')' -delete \
    && /opt/miwake/bin/python -c 'import miwake.cli, serving.run'

# TRAINING=training-gpu brings CUDA's libraries from the package index; the driver is the node's.
FROM tools AS trainer-built
ARG TRAINING=training
COPY requirements/${TRAINING}.txt requirements/
RUN python3 -m venv --without-pip /opt/miwake \
    && /opt/tools/bin/pip --python /opt/miwake/bin/python install --no-cache-dir --require-hashes \
        --requirement "requirements/${TRAINING}.txt" \
    && /opt/tools/bin/pip --python /opt/miwake/bin/python install --no-cache-dir --no-deps --no-index /wheel/*.whl \
    && /opt/tools/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
        --output-file /opt/miwake/sbom.cdx.json /opt/miwake/bin/python

FROM ${BASE} AS trainer
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="miwake trainer" \
      org.opencontainers.image.description="From a folder of labelled photographs to a SavedModel that says what it is." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=trainer-built /opt/miwake /opt/miwake
ENV PATH=/opt/miwake/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# matplotlib and Keras keep caches; whatever is mounted over /work holds photographs, runs and models.
ENV HOME=/work
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["miwake"]
CMD ["recipes"]

# The last one, so that a build without --target makes it.
FROM ${BASE} AS gateway
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="miwake gateway" \
      org.opencontainers.image.description="The HTTP gateway before TensorFlow Serving: photographs in, labels out." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=gateway-built /opt/miwake /opt/miwake
# It writes nothing, so the root file system may be read-only and nothing need be mounted.
ENV PATH=/opt/miwake/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 MIWAKE_HOST=0.0.0.0
USER 65532:65532
WORKDIR /
EXPOSE 8000
STOPSIGNAL SIGTERM
# For Docker; Kubernetes has its own probes and ignores it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + (os.environ.get('MIWAKE_PORT') or '8000') + '/livez', timeout=2)"]
ENTRYPOINT ["miwake"]
CMD ["serve"]
