"""The JARs by which Hadoop 3.3.4, which is pyspark's, speaks to S3: fetched once for `make test-cluster`."""

from pathlib import Path

from setup_env import fetch_jar

_JARS = {
    "org/apache/hadoop/hadoop-aws/3.3.4/hadoop-aws-3.3.4.jar": "a65839fbf1869f81a1632e09f415e586922e4f80",
    "com/amazonaws/aws-java-sdk-bundle/1.12.262/aws-java-sdk-bundle-1.12.262.jar": (
        "02deec3a0ad83d13d032b1812421b23d7a961eea"
    ),
}


def jars() -> list[Path]:
    """Where they lie."""
    return [fetch_jar(path, sha1) for path, sha1 in _JARS.items()]


if __name__ == "__main__":
    jars()
