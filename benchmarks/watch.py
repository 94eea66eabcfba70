"""How much memory a program and its Ray workers take."""

import threading

import psutil


class Watch:
    """The largest resident sizes of this process and of any of Ray's workers, bytes, while it is entered."""

    def __init__(self) -> None:
        self.worker = self.driver = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        driver = psutil.Process()
        while not self._done.wait(0.5):
            self.driver = max(self.driver, driver.memory_info().rss)
            for process in driver.children(recursive=True):
                try:
                    if process.name().startswith("ray::"):
                        self.worker = max(self.worker, process.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue
