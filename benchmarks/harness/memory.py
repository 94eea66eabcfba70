"""How much memory a program and its Ray workers take."""

import threading

import psutil


class Watch:
    """The largest resident sizes of this process and of any of Ray's workers, bytes, while it is entered."""

    def __init__(self, *, mapped: bool = True) -> None:
        """`mapped`: whether pages of mapped files count, which the system takes back when it needs them."""
        self._mapped = mapped
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
            self.driver = max(self.driver, self._size(driver))
            for process in driver.children(recursive=True):
                try:
                    if process.name().startswith("ray::"):
                        self.worker = max(self.worker, self._size(process))
                except psutil.NoSuchProcess:
                    continue

    def _size(self, process: psutil.Process) -> int:
        memory = process.memory_info()
        return int(memory.rss if self._mapped else memory.rss - memory.shared)
