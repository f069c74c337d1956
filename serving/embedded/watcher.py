"""The thread that watches the disk and loads versions, away from the threads that answer."""

from __future__ import annotations

import logging
import threading
from typing import Any

from serving.embedded.config_file import ConfigFile, ModelConfig
from serving.embedded.served_models import ServedModels
from serving.embedded.version_folders import version_folders

_LOG = logging.getLogger(__name__)


class Watcher:
    """Polls the configuration and the folders it names for as long as it runs.

    Attributes:
        polled_once: set when every version that was there at the start is loaded or known to be broken.
    """

    def __init__(self, config: ConfigFile, models: ServedModels[Any], *, poll_seconds: float) -> None:
        self.polled_once = threading.Event()
        self._config = config
        self._models = models
        self._pause_seconds = min(poll_seconds, config.poll_seconds or poll_seconds)
        self._stopping = threading.Event()
        # A daemon: TensorFlow cannot be interrupted in a load, and ending the process must not wait for one.
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Poll now and from now on."""
        self._thread.start()

    def stop(self, *, timeout_seconds: float) -> bool:
        """Poll no more; whether the thread has ended in time. It is late if a load takes longer."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def poll(self) -> None:
        """Bring every model up to date with the disk. A folder that cannot be read keeps what it has."""
        configured = self._config.models()
        for name in self._models.names():
            if name not in configured:
                self._models.update(name, {})
                self._models.relabel(name, {})
        for name, config in configured.items():
            self._poll_model(name, config)

    def _poll_model(self, name: str, config: ModelConfig) -> None:
        if self._stopping.is_set():
            return
        try:
            self._models.update(name, config.aspired(version_folders(config.base_path)))
        except OSError:
            _LOG.exception("cannot look for versions of model %s", name)
        self._models.relabel(name, config.labels)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.poll()
            self.polled_once.set()
            self._stopping.wait(self._pause_seconds)
