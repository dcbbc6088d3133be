"""A session: of the cluster that submitted us, of the master that SPARK_MASTER names, or on this machine."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from headrace_batch.spark.java import java_home
from headrace_producers.errors import TerminalError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_END_S = 30
_ENDS = (signal.SIGINT, signal.SIGTERM)
NO_SETTINGS: Mapping[str, str] = {}
_LOGGING = """rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = spark: %p %c{1}: %m%n
logger.repl.name = org.apache.spark.repl.Main
logger.repl.level = error
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = error
"""
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024 * 1024),
}
"""A task has one core, and memory that it keeps for the next one: as the engine's process."""


@contextmanager
def spark_session(
    name: str, env: Mapping[str, str] = os.environ, settings: Mapping[str, str] = NO_SETTINGS
) -> Iterator[SparkSession]:
    """While it lives; one per process. `settings` are Spark's own, by name. Raises TerminalError where Spark or Java is
    not installed."""
    try:
        from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        raise TerminalError("Spark is not installed: install headrace-batch[spark], or submit to a cluster") from None
    builder = SparkSession.builder.appName(name)
    for variable, value in WORKER_ENVIRONMENT.items():
        builder = builder.config(f"spark.executorEnv.{variable}", value)
    for key, value in settings.items():
        builder = builder.config(key, value)
    if "PYSPARK_GATEWAY_PORT" in env:
        with _stopping(builder.getOrCreate()) as session:
            yield session
        return
    with tempfile.TemporaryDirectory(prefix="headrace-spark-") as folder:
        try:
            with _stopping(_begun(_on_this_machine(builder, env, Path(folder)))) as session:
                yield session
        finally:
            _end_java()


@contextmanager
def _stopping(session: SparkSession) -> Iterator[SparkSession]:
    try:
        yield session
    except KeyboardInterrupt:
        with suppress(Exception):  # the call that was interrupted may have left its answer to us
            session.stop()
        raise
    except BaseException:
        session.stop()
        raise
    session.stop()


def _begun(builder: SparkSession.Builder) -> SparkSession:
    """In this thread: a Java that is forked off another one may crash before it begins. What asks us to end waits until
    it has begun: PySpark takes Ctrl-C for itself, and leaves what it was at."""
    if threading.current_thread() is not threading.main_thread():
        return builder.getOrCreate()
    asked: list[int] = []
    before = {number: signal.signal(number, lambda got, _: asked.append(got)) for number in _ENDS}
    try:
        session: SparkSession = builder.getOrCreate()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked:
        os.kill(os.getpid(), asked[0])
    return session


def _end_java() -> None:
    """PySpark leaves its Java running until this process ends, with the environment of when it began."""
    from pyspark import SparkContext

    gateway, SparkContext._gateway, SparkContext._jvm = SparkContext._gateway, None, None  # noqa: SLF001
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(_END_S)


def _on_this_machine(builder: SparkSession.Builder, env: Mapping[str, str], folder: Path) -> SparkSession.Builder:
    """The driver's Java is ours to start."""
    logging = folder / "log4j2.properties"
    logging.write_text(_LOGGING)
    os.environ["JAVA_HOME"] = str(java_home(env, folder / "java"))
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={logging}",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.master(env.get("SPARK_MASTER", "local[*]"))
