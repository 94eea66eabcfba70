"""What makes torch quick on CPUs: variables that are read when a process starts. What the user sets himself wins."""

ENVIRONMENT = {
    # Threads that wait for each other spin by default, which makes training ten times slower as soon as anything else wants a
    # CPU; without spinning an undisturbed one is a fifth slower. So they spin briefly.
    "GOMP_SPINCOUNT": "5000",
    # glibc hands large blocks back to the system when they are freed. Each step of a training takes the same ones again, and
    # a fifth of its time went into page faults.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
}
