"""Memory use of a program and its Ray workers."""

import threading

import psutil


class MemoryMonitor:
    """Peak resident sizes of this process and of any Ray worker within the block, bytes."""

    def __init__(self, *, count_mapped: bool = True) -> None:
        """`count_mapped`: whether to count pages of mapped files, which the system can reclaim."""
        self._count_mapped = count_mapped
        self.worker = self.driver = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._poll)

    def __enter__(self) -> "MemoryMonitor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _poll(self) -> None:
        driver = psutil.Process()
        while not self._stopped.wait(0.5):
            self.driver = max(self.driver, self._size(driver))
            for process in driver.children(recursive=True):
                try:
                    if process.name().startswith("ray::"):
                        self.worker = max(self.worker, self._size(process))
                except psutil.NoSuchProcess:
                    continue

    def _size(self, process: psutil.Process) -> int:
        memory = process.memory_info()
        return int(memory.rss if self._count_mapped else memory.rss - memory.shared)
